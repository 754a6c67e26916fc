package runtime_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/internal/testport"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

var errBroken = errors.New("broken")

// breaking is an engine that fails when it is told to.
type breaking struct {
	driver.Engine
	broken atomic.Bool
	late   bool // it completes something first
}

func (e *breaking) Poll(wait time.Duration) (int, error) {
	if !e.broken.Load() {
		return e.Engine.Poll(wait)
	}
	if e.late {
		for end := time.Now().Add(watchdog); time.Now().Before(end); {
			if n, err := e.Engine.Poll(time.Millisecond); n > 0 || err != nil {
				break
			}
		}
	}
	return 0, errBroken
}

// newBreaking returns a runtime of one loop, and what breaks it.
func newBreaking(t *testing.T, cfg runtime.Config) (*runtime.Runtime, *breaking) {
	t.Helper()
	e := &breaking{}
	cfg.Loops = 1
	cfg.WrapEngine = func(open driver.Open) driver.Open {
		return func(cfg *driver.Config) (_ driver.Engine, err error) {
			e.Engine, err = open(cfg)
			return e, err
		}
	}
	rt, err := runtime.New(&cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = rt.Close() })
	return rt, e
}

// TestAbandoned: whoever waits for something on a loop is told when its engine breaks.
func TestAbandoned(t *testing.T) {
	told := make(chan error, 1)
	tell := func(err error) { told <- err }
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer f.Close()
	waits := map[string]func(l *runtime.Loop){
		"dial": func(l *runtime.Loop) {
			l.Dial(t.Context(), "tcp", ln.Addr().String(), func(_ *runtime.Conn, err error) runtime.Handler {
				tell(err)
				return nil
			})
		},
		"datagram socket": func(l *runtime.Loop) {
			done := func(_ *runtime.PacketConn, err error) runtime.PacketHandler {
				tell(err)
				return nil
			}
			l.DialPacket(t.Context(), nil, "udp", ln.Addr().String(), done)
		},
		"write to a file": func(l *runtime.Loop) {
			var hello buffers.Chain
			hello.Append(buffers.Wrap([]byte("hello"), nil))
			l.WriteFile(f, 0, hello, func(_ int64, err error) { tell(err) })
		},
		"fsync": func(l *runtime.Loop) { l.SyncFile(f, tell) },
		"work elsewhere": func(l *runtime.Loop) {
			l.Offload(func() { time.Sleep(5 * time.Millisecond) }, func() { tell(errBroken) })
		},
		"dial, later": func(l *runtime.Loop) {
			l.AfterOrClose(time.Hour, func(bool) {
				l.Dial(context.Background(), "tcp", ln.Addr().String(), func(_ *runtime.Conn, err error) runtime.Handler {
					require.ErrorIs(t, err, runtime.ErrClosed)
					tell(errBroken)
					return nil
				})
			})
		},
	}
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			rt, e := newBreaking(t, runtime.Config{})
			l := rt.Loops()[0]
			_ = l.Post(func() {
				e.broken.Store(true)
				wait(l)
			})
			require.ErrorIs(t, receive(t, told), errBroken)
			require.ErrorIs(t, rt.Close(), errBroken)
			require.Empty(t, told, "once")
		})
	}
}

// TestAbandonedOnce: what the engine completed in its last Poll is told as it was, and no
// second time.
func TestAbandonedOnce(t *testing.T) {
	served, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer served.Close()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer f.Close()
	told := make(chan error, 2)
	dial := func(address string) func(l *runtime.Loop) {
		return func(l *runtime.Loop) {
			l.Dial(t.Context(), "tcp", address, func(_ *runtime.Conn, err error) runtime.Handler {
				told <- err
				return &closeTeller{told}
			})
		}
	}
	for name, test := range map[string]struct {
		wait func(l *runtime.Loop)
		want []error
	}{
		"refused": {dial(testport.Refusing(t)), []error{syscall.ECONNREFUSED}},
		"dialed":  {dial(served.Addr().String()), []error{nil, errBroken}}, // the second by Closed
		"fsync":   {func(l *runtime.Loop) { l.SyncFile(f, func(err error) { told <- err }) }, []error{nil}},
	} {
		t.Run(name, func(t *testing.T) {
			rt, e := newBreaking(t, runtime.Config{})
			l := rt.Loops()[0]
			_ = l.Post(func() {
				e.late = true
				e.broken.Store(true)
				test.wait(l)
			})
			for _, want := range test.want {
				require.ErrorIs(t, receive(t, told), want)
			}
			require.ErrorIs(t, rt.Close(), errBroken)
			require.Empty(t, told)
		})
	}
}

// TestAbandonedConnection: its handler and the hook hear of it, also behind a transfer.
func TestAbandonedConnection(t *testing.T) {
	for name, toFile := range map[string]bool{"plain": false, "to a file": true} {
		t.Run(name, func(t *testing.T) {
			closed, hooked, done := make(chan error, 2), make(chan error, 2), make(chan error, 2)
			rt, e := newBreaking(t, runtime.Config{Hooks: runtime.Hooks{
				Closed: func(_ *runtime.Conn, err error) { hooked <- err },
			}})
			f, err := os.Create(filepath.Join(t.TempDir(), "file"))
			require.NoError(t, err)
			defer f.Close()
			opened := make(chan struct{}, 1)
			ln, err := rt.Listen(t.Context(), "tcp", "127.0.0.1:0", func(c *runtime.Conn) runtime.Handler {
				return &opener{closeTeller{closed}, func(c *runtime.Conn) {
					if toFile {
						c.RecvToFile(f, 0, 100, nil, func(_ int64, err error) { done <- err })
					}
					opened <- struct{}{}
				}}
			})
			require.NoError(t, err)
			peer, err := net.Dial("tcp", ln.Addr().String())
			require.NoError(t, err)
			defer peer.Close()
			receive(t, opened)
			e.broken.Store(true)
			_ = rt.Loops()[0].Post(func() {}) // which wakes it
			if toFile {
				require.ErrorIs(t, receive(t, done), errBroken)
			}
			require.ErrorIs(t, receive(t, closed), errBroken)
			require.ErrorIs(t, receive(t, hooked), errBroken)
			require.ErrorIs(t, rt.Close(), errBroken)
			require.Empty(t, closed, "once")
			require.Empty(t, hooked, "once")
		})
	}
}

// closeTeller tells how its connection ended.
type closeTeller struct{ closed chan error }

func (h *closeTeller) Data(*runtime.Conn, *buffers.Chain) {}

func (h *closeTeller) Closed(_ *runtime.Conn, err error) { h.closed <- err }

// opener does something first.
type opener struct {
	closeTeller
	open func(c *runtime.Conn)
}

func (h *opener) Open(c *runtime.Conn) { h.open(c) }
