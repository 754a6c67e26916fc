package modeltest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	goruntime "runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/headrace/headrace/runtime"
)

// strays are connections besides the links: dialed, sometimes given up, to a listener
// that comes and goes. Every dial is answered once, by what the program explains.
type strays struct {
	open   *runtime.Listener
	all    []*runtime.Listener
	addr   net.Addr    // of the last
	closed atomic.Bool // some listener is
	due    atomic.Int32
}

// do does s if it is about strays.
func (x *strays) do(m *machine, s step) bool {
	switch s.what {
	case "listen":
		if x.open == nil {
			x.listen(m, s.n)
		}
	case "unlisten":
		if x.open != nil {
			x.closed.Store(true)
			x.open.CloseSoon()
			x.open = nil
		}
	case "dial":
		if x.addr != nil {
			x.dial(m, s)
		}
	default:
		return false
	}
	return true
}

func (x *strays) listen(m *machine, n int) {
	network := []string{"tcp", "unix"}[n%2]
	ln, err := m.listenOn(network, func(*runtime.Conn) runtime.Handler { return nothing{} })
	if err != nil {
		m.fail(fmt.Errorf("listening: %w", err))
		return
	}
	x.open, x.addr = ln, ln.Addr()
	x.all = append(x.all, ln)
}

// dial dials, and gives up after some microseconds if n is odd.
func (x *strays) dial(m *machine, s step) {
	ctx, cancel := context.WithCancel(context.Background())
	addr, called := x.addr, false
	l := m.rt.Loops()[s.end%len(m.rt.Loops())]
	x.due.Add(1)
	err := l.Post(func() {
		l.Dial(ctx, addr.Network(), addr.String(), func(c *runtime.Conn, err error) runtime.Handler {
			if err := x.judge(m, ctx, c, err); err != nil {
				m.fail(fmt.Errorf("dialing a stray: %w", err))
			}
			if called {
				m.fail(errors.New("a dial was answered twice"))
			}
			called = true
			cancel()
			x.due.Add(-1)
			if c == nil {
				return nil
			}
			c.Close()
			return nothing{}
		})
	})
	if err != nil {
		m.fail(fmt.Errorf("posting a dial: %w", err))
	}
	if s.n%2 == 1 {
		time.AfterFunc(time.Duration(s.n%1000)*time.Microsecond, cancel)
	}
}

// judge holds the answer to a dial against what happened.
func (x *strays) judge(m *machine, ctx context.Context, c *runtime.Conn, err error) error {
	allowed := []error{runtime.ErrClosed}
	if ctx.Err() != nil {
		allowed = append(allowed, context.Canceled)
	}
	if x.closed.Load() {
		allowed = append(allowed, syscall.ECONNREFUSED, syscall.ECONNRESET, os.ErrNotExist)
	}
	if m.full {
		allowed = append(allowed, syscall.EMFILE, syscall.ENFILE)
	}
	if m.resets {
		allowed = append(allowed, syscall.ECONNRESET)
	}
	switch {
	case (c == nil) != (err != nil):
		return fmt.Errorf("a connection: %v, and %w", c != nil, err)
	case err == nil || slices.ContainsFunc(allowed, func(a error) bool { return errors.Is(err, a) }):
		return nil
	}
	return err
}

// wait waits for the answers.
func (x *strays) wait() error {
	for began := time.Now(); x.due.Load() > 0; goruntime.Gosched() {
		if time.Since(began) > watchdog {
			return fmt.Errorf("%d dials were not answered", x.due.Load())
		}
	}
	return nil
}

// end closes what listens.
func (x *strays) end() {
	for _, ln := range x.all {
		ln.Close()
	}
	x.open, x.all, x.addr = nil, nil, nil
	x.closed.Store(false)
}

// ownHost is a loopback address of this process alone, where the system has many: no
// other process dials a port here that it knew as another's.
func ownHost() string {
	if goruntime.GOOS != "linux" {
		return "127.0.0.1"
	}
	pid := os.Getpid()
	return net.IPv4(127, byte(1+pid>>14&0x7f), byte(pid>>7&0x7f), byte(1+pid&0x7f)).String()
}
