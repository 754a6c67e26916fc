package modeltest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// watchdog bounds every wait; nothing but a failure is decided by it.
const watchdog = 30 * time.Second

const (
	unreadHigh = 128 << 10
	// unixMost is what an end sends over a Unix socket at most. With more than these take,
	// whose queues do not grow, both ends would have unsent bytes above the mark at which
	// they stop reading, and wait for each other.
	unixMost = 120 << 10
)

// link is two ends. Through a relay there are two connections between them.
type link struct {
	ends      [2]*end
	relayed   bool
	listeners []*runtime.Listener
	relay     chan *runtime.RelayResult
}

// machine runs one program.
type machine struct {
	rt     *runtime.Runtime
	file   *os.File   // two periods
	short  *os.File   // one
	sinks  []*os.File // what each end receives into
	links  []*link
	ended  chan *end
	resets bool   // faults cut connections
	full   bool   // the disk is, at times
	host   string // of this process alone
	dir    string // of Unix sockets
	strays strays
	ready  chan struct{}
	void   atomic.Bool // a fault kept the links from being made

	sockets int // in dir, so far

	mu     sync.Mutex
	errors []error
}

func (m *machine) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.errors) < 10 {
		m.errors = append(m.errors, err)
	}
}

// other returns the loop beside l.
func (m *machine) other(l *runtime.Loop) *runtime.Loop {
	all := m.rt.Loops()
	return all[(l.Index()+1)%len(all)]
}

func (m *machine) end(i int) *end { return m.links[i/2].ends[i%2] }

// run does what p says and returns what is wrong. All is over then; the runtime
// may be closed.
func (m *machine) run(p program) error {
	m.ended = make(chan *end, 2*len(p.links))
	m.ready = make(chan struct{}, 9*len(p.links))
	m.void.Store(false)
	parts := 0
	for i, kind := range p.links {
		if err := m.open(i, kind); err != nil {
			return err
		}
		if parts += 2; m.links[i].relayed {
			parts++
		}
	}
	defer m.strays.end()
	if err := wait(m.ready, parts); m.void.Load() {
		return m.rt.Close()
	} else if err != nil {
		return errors.Join(append(m.errors, fmt.Errorf("opening: %w", err))...)
	}
	for _, s := range p.steps {
		if m.strays.do(m, s) {
			continue
		}
		m.do(m.end(s.end%(2*len(p.links))), func(e *end) {
			switch {
			case e.moving.Load() && s.what != "resume":
			case e.moved && e.shut && sends[s.what]: // the new loop would find out too late
			case e.unix && sends[s.what] && (s.what == "short file" || e.out.off+int64(s.n) > unixMost):
			default:
				steps[s.what](e, s.n)
			}
		})
	}
	var err error
	switch p.ends {
	case "finish":
		m.finish()
	case "shutdown":
		m.strays.closed.Store(true)
		m.disturb()
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		if err = m.rt.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
			err = m.rt.Close()
		}
		cancel()
	case "close":
		m.strays.closed.Store(true)
		m.disturb()
		err = m.rt.Close()
	}
	if err != nil {
		m.fail(fmt.Errorf("%s: %w", p.ends, err))
	}
	if err := wait(m.ended, 2*len(p.links)); err != nil {
		return errors.Join(append(m.errors, err, m.state())...)
	}
	if err := m.strays.wait(); err != nil {
		m.fail(err)
	}
	m.settle()
	for _, l := range m.links {
		m.judge(l)
	}
	return errors.Join(m.errors...)
}

// settle waits for the callbacks that are due in the turn in which the last end closed,
// or, with what posted tasks put off, in the next.
func (m *machine) settle() {
	for range 2 {
		for _, l := range m.rt.Loops() {
			_ = l.Call(func() {}) // one that ended has called all
		}
	}
}

func wait[T any](ch <-chan T, n int) error {
	patience := time.NewTimer(watchdog)
	defer patience.Stop()
	for range n {
		select {
		case <-ch:
		case <-patience.C:
			return errWatchdog
		}
	}
	return nil
}

// do runs f for e on the loop that has it, unless e has ended.
func (m *machine) do(e *end, f func(*end)) {
	for again := true; again; {
		l := e.loop.Load()
		again = false
		err := l.Call(func() {
			switch {
			case e.away.Load() || e.loop.Load() != l:
				again = true // it moves
			case e.closed > 0:
			default:
				f(e)
			}
		})
		if err != nil {
			return
		}
	}
}

// open makes the connections of a link.
func (m *machine) open(i int, kind string) error {
	network, how, _ := strings.Cut(kind, " ")
	k := &link{relayed: how == "relay", relay: make(chan *runtime.RelayResult, 1)}
	m.links = append(m.links, k)
	for j := range k.ends {
		k.ends[j] = &end{m: m, sink: m.sinks[2*i+j], unix: network == "unix", name: fmt.Sprintf("link %d end %d", i, j)}
		k.ends[j].out.start = int64(i*2+j) * 104_729
	}
	k.ends[0].in.start, k.ends[1].in.start = k.ends[1].out.start, k.ends[0].out.start
	addr, err := m.listen(k, network, func(c *runtime.Conn) runtime.Handler {
		defer func() { m.ready <- struct{}{} }()
		return k.ends[1].begin(c)
	})
	if err != nil {
		return err
	}
	if k.relayed {
		target := addr
		addr, err = m.listen(k, network, func(c *runtime.Conn) runtime.Handler {
			c.Pause()
			m.dial(c.Loop(), target, func(up *runtime.Conn) runtime.Handler {
				runtime.Relay(c, up, 0, func(r *runtime.RelayResult) { k.relay <- r })
				m.ready <- struct{}{}
				return up.Handler()
			})
			return nothing{}
		})
		if err != nil {
			return err
		}
	}
	l := m.rt.Loops()[i%len(m.rt.Loops())]
	return l.Post(func() {
		m.dial(l, addr, func(c *runtime.Conn) runtime.Handler {
			defer func() { m.ready <- struct{}{} }()
			return k.ends[0].begin(c)
		})
	})
}

func (m *machine) listen(k *link, network string, accept runtime.AcceptFunc) (net.Addr, error) {
	ln, err := m.listenOn(network, accept)
	if err != nil {
		return nil, err
	}
	k.listeners = append(k.listeners, ln)
	return ln.Addr(), nil
}

func (m *machine) listenOn(network string, accept runtime.AcceptFunc) (*runtime.Listener, error) {
	addr := net.JoinHostPort(m.host, "0")
	if network == "unix" {
		m.sockets++
		addr = filepath.Join(m.dir, strconv.Itoa(m.sockets))
	}
	cfg := &runtime.ListenConfig{OneQueue: true, Backlog: 4}
	return m.rt.ListenWith(context.Background(), cfg, network, addr, accept)
}

// dial dials until descriptors suffice.
func (m *machine) dial(l *runtime.Loop, addr net.Addr, done runtime.AcceptFunc) {
	l.Dial(context.Background(), addr.Network(), addr.String(), func(c *runtime.Conn, err error) runtime.Handler {
		switch {
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
			m.dial(l, addr, done)
		case errors.Is(err, runtime.ErrClosed): // the program has come to its end
		case m.resets && errors.Is(err, syscall.ECONNRESET):
			m.void.Store(true)
			for range cap(m.ready) / 3 {
				m.ready <- struct{}{}
			}
		case err != nil:
			m.fail(fmt.Errorf("dialing: %w", err))
		default:
			return done(c)
		}
		return nil
	})
}

type nothing struct{}

func (nothing) Data(*runtime.Conn, *buffers.Chain) {}
func (nothing) Closed(*runtime.Conn, error)        {}

// disturb notes that the runtime is to end before the connections have.
func (m *machine) disturb() {
	for _, k := range m.links {
		for _, e := range k.ends {
			m.do(e, func(e *end) { e.may(runtime.ErrClosed) })
		}
	}
}

// finish lets every end read all, send its end, and close when it saw the other's.
func (m *machine) finish() {
	for _, k := range m.links {
		for _, e := range k.ends {
			m.do(e, func(e *end) {
				e.lazy = false
				e.conn.Resume()
			})
			for began := time.Now(); e.moving.Load() && time.Since(began) < watchdog; {
				goruntime.Gosched()
			}
		}
		for _, e := range k.ends {
			m.do(e, func(e *end) {
				steps["close write"](e, 0)
				e.last = true
				if e.eof {
					e.conn.Close()
				}
			})
		}
	}
}

// state describes what hangs.
func (m *machine) state() error {
	var all []error
	for _, k := range m.links {
		for _, e := range k.ends {
			m.do(e, func(e *end) {
				all = append(all, fmt.Errorf("%s is open: sent %d, received %d, eof %v, unsent %d, unread %d, closing %v",
					e.name, e.out.off, e.in.off, e.eof, e.conn.Unsent(), e.conn.Unread().Len(), e.conn.Closing()))
			})
		}
	}
	return errors.Join(all...)
}

// judge holds a link that is over against the model.
func (m *machine) judge(k *link) {
	a, b := k.ends[0], k.ends[1]
	disturbed := a.disturbed || b.disturbed || m.resets
	for _, e := range k.ends {
		if err := e.verdict(disturbed); err != nil {
			m.fail(err)
		}
	}
	for _, d := range [][2]*end{{a, b}, {b, a}} {
		from, to := d[0], d[1]
		switch {
		case to.in.off > from.out.off:
			m.fail(fmt.Errorf("%s received %d bytes of %d", to.name, to.in.off, from.out.off))
		case !disturbed && !to.eof:
			m.fail(fmt.Errorf("%s saw no end, and %d bytes of %d", to.name, to.in.off, from.out.off))
		case a.unix && disturbed: // it has no resets: an abort ends the stream like a close
		case to.eof && to.in.off != from.out.off:
			m.fail(fmt.Errorf("%s saw an end after %d bytes of %d; the ends ended with %v and %v",
				to.name, to.in.off, from.out.off, to.err, from.err))
		}
	}
	for _, ln := range k.listeners {
		ln.Close()
	}
}
