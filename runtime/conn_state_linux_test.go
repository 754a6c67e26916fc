//go:build linux

package runtime_test

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

// holder is an engine that keeps one kind of operation until the socket is closed.
type holder struct {
	driver.Engine
	code   driver.Code
	finish func(fd int, op *driver.Op) driver.Result // how it ends then
	op     *driver.Op
	held   chan struct{}
}

func hold(code driver.Code, finish func(int, *driver.Op) driver.Result) (*holder, *runtime.Config) {
	h := &holder{code: code, finish: finish, held: make(chan struct{}, 1)}
	return h, &runtime.Config{Loops: 1, WrapEngine: func(open driver.Open) driver.Open {
		return func(cfg *driver.Config) (_ driver.Engine, err error) {
			h.Engine, err = open(cfg)
			return h, err
		}
	}}
}

func (h *holder) Submit(op *driver.Op) {
	switch {
	case op.Code == h.code:
		op.State.Flight = 1
		h.op = op
		h.held <- struct{}{}
		return
	case op.Code == driver.Close && h.op != nil && h.op.Socket == op.Socket:
		held := h.op
		h.op = nil
		held.State.Flight = 0
		var r driver.Result
		_ = h.Control(op.Socket, func(fd uintptr) { r = h.finish(int(fd), held) })
		held.Owner.Complete(held, &r)
	}
	h.Engine.Submit(op)
}

// TestResetThatASendWasTold: the system tells of a reset once. When that was not
// the receive, what it takes for an orderly end is none.
func TestResetThatASendWasTold(t *testing.T) {
	h, cfg := hold(driver.Send, func(int, *driver.Op) driver.Result {
		return driver.Result{Err: driver.ErrCanceled}
	})
	rt := newRuntime(t, cfg)
	near, far := tcpPair(t)
	ended := make(chan error, 1)
	var c *runtime.Conn
	adopt(t, rt.Loops()[0], near, &funcs{
		open: func(conn *runtime.Conn) {
			c = conn
			c.Pause()
			_, _ = c.WriteString("to be refused")
		},
		eof:    func(*runtime.Conn) { t.Error("a cut stream looks complete") },
		closed: func(_ *runtime.Conn, err error) { ended <- err },
	})
	receive(t, h.held)
	require.Eventually(t, func() bool { return rt.Stats().Total().Engine.InFlight == 0 }, watchdog, tick,
		"a receive would be told first")
	require.NoError(t, far.(*net.TCPConn).SetLinger(0))
	require.NoError(t, far.Close())
	require.NoError(t, c.Loop().Call(func() {
		_ = c.Control(func(fd uintptr) {
			told, err := 0, error(nil) // as a send would be
			for end := time.Now().Add(watchdog); told == 0 && err == nil && time.Now().Before(end); {
				told, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
			}
		})
		c.Resume()
	}))
	require.ErrorIs(t, receive(t, ended), syscall.ECONNRESET)
}

// TestRecvFullThatIsCompleteAtTheEnd: all has come, so there is no error, also when
// the connection was closed meanwhile.
func TestRecvFullThatIsCompleteAtTheEnd(t *testing.T) {
	h, cfg := hold(driver.RecvInto, func(fd int, op *driver.Op) (r driver.Result) {
		for end := time.Now().Add(watchdog); r.N < len(op.Buf) && time.Now().Before(end); {
			if n, err := unix.Read(fd, op.Buf[r.N:]); err == nil {
				r.N += n
			}
		}
		return r
	})
	rt := newRuntime(t, cfg)
	near, far := tcpPair(t)
	const size = 64 << 10
	got := make(chan error, 1)
	var c *runtime.Conn
	adopt(t, rt.Loops()[0], near, &funcs{open: func(conn *runtime.Conn) {
		c = conn
		c.RecvFull(make([]byte, size), func(n int, err error) {
			if n != size && err == nil {
				err = io.ErrShortBuffer
			}
			got <- err
		})
	}})
	receive(t, h.held)
	_, err := far.Write(make([]byte, size))
	require.NoError(t, err)
	require.NoError(t, c.Loop().Call(func() { c.Abort(nil) }))
	require.NoError(t, receive(t, got))
}

// TestAdoptOfWhatIsHalfClosed: what was shut down for writing before says so when
// it is written to, and goes on receiving.
func TestAdoptOfWhatIsHalfClosed(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			rt := newRuntime(t, nil)
			near, far := pairOf(t, network)
			require.NoError(t, near.(interface{ CloseWrite() error }).CloseWrite())
			refused, got, ended := make(chan error, 3), make(chan string, 1), make(chan error, 1)
			var all []byte
			adopt(t, rt.Loops()[0], near, &funcs{
				open: func(c *runtime.Conn) {
					_, err := c.WriteString("too late")
					refused <- err
					refused <- c.SendFile(nil, 0, 1, nil)
					var chain buffers.Chain
					chain.Append(buffers.Wrap([]byte("too"), nil))
					refused <- c.Send(chain)
				},
				data: func(_ *runtime.Conn, in *buffers.Chain) {
					all = append(all, in.Bytes()...)
					in.Release()
				},
				eof: func(c *runtime.Conn) {
					got <- string(all)
					_ = c.CloseWrite() // again
					c.Close()
				},
				closed: func(_ *runtime.Conn, err error) { ended <- err },
			})
			for range 3 {
				require.ErrorIs(t, receive(t, refused), net.ErrClosed)
			}
			_, err := far.Write([]byte("all the rest"))
			require.NoError(t, err)
			require.NoError(t, far.Close())
			require.Equal(t, "all the rest", receive(t, got))
			require.NoError(t, receive(t, ended))
		})
	}
}

// TestAdoptOfWhatIsReset: adopting does not swallow the reset.
func TestAdoptOfWhatIsReset(t *testing.T) {
	rt := newRuntime(t, nil)
	near, far := tcpPair(t)
	require.NoError(t, far.(*net.TCPConn).SetLinger(0))
	require.NoError(t, far.Close())
	raw, err := near.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		for state := uint8(1); state == 1; { // TCP_ESTABLISHED: the reset is on its way
			info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
			require.NoError(t, err)
			state = info.State
		}
	}))
	ended := make(chan error, 1)
	adopt(t, rt.Loops()[0], near, &funcs{
		eof:    func(*runtime.Conn) { t.Error("a cut stream looks complete") },
		closed: func(_ *runtime.Conn, err error) { ended <- err },
	})
	require.ErrorIs(t, receive(t, ended), syscall.ECONNRESET)
}

// pairOf is tcpPair of any network.
func pairOf(t *testing.T, network string) (near, far net.Conn) {
	t.Helper()
	if network == "tcp" {
		return tcpPair(t)
	}
	ln, err := net.Listen(network, t.TempDir()+"/s")
	require.NoError(t, err)
	defer ln.Close()
	far = dial(t, ln.Addr())
	near, err = ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { near.Close() })
	return near, far
}
