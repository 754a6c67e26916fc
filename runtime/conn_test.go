package runtime_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/internal/testport"
	"github.com/headrace/headrace/runtime"
)

// funcs is a handler made of functions; nil ones do nothing.
type funcs struct {
	open   func(c *runtime.Conn)
	data   func(c *runtime.Conn, in *buffers.Chain)
	eof    func(c *runtime.Conn)
	closed func(c *runtime.Conn, err error)
}

func (f *funcs) Open(c *runtime.Conn) {
	if f.open != nil {
		f.open(c)
	}
}

func (f *funcs) Data(c *runtime.Conn, in *buffers.Chain) {
	if f.data != nil {
		f.data(c, in)
	}
}

func (f *funcs) EOF(c *runtime.Conn) {
	if f.eof != nil {
		f.eof(c)
		return
	}
	c.Close()
}

func (f *funcs) Closed(c *runtime.Conn, err error) {
	if f.closed != nil {
		f.closed(c, err)
	}
}

// serveFuncs listens with one handler for every connection and returns a channel
// that gets each connection's end.
func serveFuncs(t *testing.T, rt *runtime.Runtime, f funcs) (net.Addr, <-chan error) {
	t.Helper()
	ended := make(chan error, 100)
	before := f.closed
	f.closed = func(c *runtime.Conn, err error) {
		if before != nil {
			before(c, err)
		}
		ended <- err
	}
	return listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler { return &f }), ended
}

func receive[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(watchdog):
		require.FailNow(t, "nothing came")
		panic("unreachable")
	}
}

func TestOrderlyEnd(t *testing.T) {
	rt := newRuntime(t, nil)
	addr, ended := serveFuncs(t, rt, funcs{data: func(c *runtime.Conn, in *buffers.Chain) {
		_ = c.Send(in.TakeAll())
		_, _ = c.WriteString(" and bye")
		c.Close()
		_, err := c.Write([]byte("too late"))
		require.ErrorIs(t, err, net.ErrClosed)
	}})
	c := dial(t, addr)
	_, err := c.Write([]byte("hello"))
	require.NoError(t, err)
	all, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "hello and bye", string(all))
	require.NoError(t, receive(t, ended))
}

func TestPeerResets(t *testing.T) {
	rt := newRuntime(t, nil)
	got := make(chan struct{}, 1)
	addr, ended := serveFuncs(t, rt, funcs{data: func(_ *runtime.Conn, in *buffers.Chain) {
		in.Release()
		got <- struct{}{}
	}})
	c := dial(t, addr).(*net.TCPConn)
	_, err := c.Write([]byte("x"))
	require.NoError(t, err)
	receive(t, got)
	require.NoError(t, c.SetLinger(0))
	require.NoError(t, c.Close())
	err = receive(t, ended)
	var op *net.OpError
	require.ErrorAs(t, err, &op)
	require.Equal(t, "read", op.Op)
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestAbortResetsThePeer(t *testing.T) {
	rt := newRuntime(t, nil)
	why := errors.New("enough")
	addr, ended := serveFuncs(t, rt, funcs{data: func(c *runtime.Conn, in *buffers.Chain) { c.Abort(why) }})
	c := dial(t, addr)
	_, err := c.Write([]byte("x"))
	require.NoError(t, err)
	_, err = io.ReadAll(c)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.ErrorIs(t, receive(t, ended), why)
}

func TestHalfClose(t *testing.T) {
	rt := newRuntime(t, nil)
	addr, ended := serveFuncs(t, rt, funcs{
		open: func(c *runtime.Conn) {
			_, _ = c.WriteString("first")
			require.NoError(t, c.CloseWrite())
		},
		eof: func(c *runtime.Conn) {
			require.Equal(t, "second", string(c.Unread().Bytes()))
			require.True(t, c.EOF())
			c.Close()
		},
	})
	c := dial(t, addr).(*net.TCPConn)
	all, err := io.ReadAll(c) // ends although the other direction is open
	require.NoError(t, err)
	require.Equal(t, "first", string(all))
	_, err = c.Write([]byte("second"))
	require.NoError(t, err)
	require.NoError(t, c.CloseWrite())
	require.NoError(t, receive(t, ended))
}

// TestLeftoverComesAgain: what Data does not take comes again with more, and bytes
// that dribble in do not hold a buffer each.
func TestLeftoverComesAgain(t *testing.T) {
	rt := newRuntime(t, nil)
	addr, _ := serveFuncs(t, rt, funcs{data: func(c *runtime.Conn, in *buffers.Chain) {
		require.LessOrEqual(t, in.Held(), 16<<10)
		for i := in.IndexByte('\n'); i >= 0; i = in.IndexByte('\n') {
			line := in.Split(i + 1)
			require.NoError(t, c.Send(line))
		}
	}})
	c := dial(t, addr)
	text := strings.Repeat("a line\n", 20)
	for i := range len(text) {
		_, err := c.Write([]byte{text[i]})
		require.NoError(t, err)
	}
	got := make([]byte, len(text))
	_, err := io.ReadFull(c, got)
	require.NoError(t, err)
	require.Equal(t, text, string(got))
}

func TestPauseAndResume(t *testing.T) {
	const size = 4 << 20
	rt := newRuntime(t, nil)
	total, calls := 0, 0
	done := make(chan int, 1)
	addr, _ := serveFuncs(t, rt, funcs{data: func(c *runtime.Conn, in *buffers.Chain) {
		calls++
		total += in.Len()
		in.Release()
		if total == size {
			done <- calls
			return
		}
		c.Pause()
		c.Loop().AfterFunc(time.Millisecond, c.Resume)
	}})
	c := dial(t, addr)
	_, err := c.Write(make([]byte, size))
	require.NoError(t, err)
	require.Greater(t, receive(t, done), 1)
}

// TestUnreadIsBounded: a handler that takes nothing pauses its peer.
func TestUnreadIsBounded(t *testing.T) {
	const high, size = 64 << 10, 64 << 20
	rt := newRuntime(t, &runtime.Config{Loops: 1, UnreadHigh: high})
	conns := make(chan *runtime.Conn, 1)
	addr, _ := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) { conns <- c }})
	c := dial(t, addr)
	require.NoError(t, c.SetWriteDeadline(time.Now().Add(300*time.Millisecond)))
	n, err := c.Write(make([]byte, size))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "wrote %d", n)
	server := receive(t, conns)
	held := make(chan int, 1)
	require.NoError(t, server.Loop().Post(func() { held <- server.Unread().Held() }))
	const slack = 256 * 16 << 10 // one batch of completions can bring all receive buffers
	require.Less(t, receive(t, held), high+slack)
}

// TestSlowReaderPausesItsOwnSending: an echo whose peer does not read stops
// reading, and both go on when it does.
func TestSlowReaderPausesItsOwnSending(t *testing.T) {
	const size = 32 << 20
	rt := newRuntime(t, &runtime.Config{Loops: 1, UnsentHigh: 256 << 10, MaxMemory: 16 << 20})
	addr := listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler { return echo{} })
	c := dial(t, addr).(*net.TCPConn)
	sent := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	go func() {
		_, _ = c.Write(sent)
		_ = c.CloseWrite()
	}()
	require.Eventually(t, func() bool { return rt.Stats().Total().Paused > 0 }, watchdog, time.Millisecond)
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.True(t, bytes.Equal(sent, got))
}

func TestTimeouts(t *testing.T) {
	const short = 20 * time.Millisecond
	tests := map[string]struct {
		start func(c *runtime.Conn)
		want  error
	}{
		"idle": {func(c *runtime.Conn) { c.SetIdleTimeout(short) }, runtime.ErrIdle},
		"read": {func(c *runtime.Conn) { c.SetReadTimeout(short) }, runtime.ErrReadTimeout},
		"write": {func(c *runtime.Conn) {
			c.SetWriteTimeout(short)
			var big buffers.Chain
			big.Append(buffers.Wrap(make([]byte, 64<<20), nil))
			require.NoError(t, c.Send(big))
		}, runtime.ErrSlowPeer},
		"close": {func(c *runtime.Conn) {
			var big buffers.Chain
			big.Append(buffers.Wrap(make([]byte, 64<<20), nil))
			require.NoError(t, c.Send(big))
			c.Close()
		}, runtime.ErrSlowPeer},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rt := newRuntime(t, &runtime.Config{Loops: 1, LingerTimeout: short})
			addr, ended := serveFuncs(t, rt, funcs{data: func(c *runtime.Conn, in *buffers.Chain) {
				in.Release()
				test.start(c)
			}})
			_, err := dial(t, addr).Write([]byte("x")) // and neither reads nor writes from here on
			require.NoError(t, err)
			err = receive(t, ended)
			require.ErrorIs(t, err, test.want)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		})
	}
}

func TestActivityPutsOffTheIdleTimeout(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1, IdleTimeout: 500 * time.Millisecond})
	addr := listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler { return echo{} })
	c := dial(t, addr)
	buf := make([]byte, 1)
	for start := time.Now(); time.Since(start) < time.Second; {
		_, err := c.Write([]byte("x"))
		require.NoError(t, err)
		_, err = io.ReadFull(c, buf)
		require.NoError(t, err)
		time.Sleep(5 * time.Millisecond)
	}
}

func TestSendFileQueuesInOrder(t *testing.T) {
	for _, size := range []int{0, 100, 20 << 10, 3<<20 + 7} {
		name := filepath.Join(t.TempDir(), "file")
		data := bytes.Repeat([]byte("f"), size)
		require.NoError(t, os.WriteFile(name, data, 0o600))
		f, err := os.Open(name)
		require.NoError(t, err)
		rt := newRuntime(t, nil)
		sent := make(chan int64, 2)
		addr, _ := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
			for range 2 {
				_, _ = c.WriteString("head")
				require.NoError(t, c.SendFile(f, 0, -1, func(n int64, err error) {
					require.NoError(t, err)
					sent <- n
				}))
				_, _ = c.WriteString("tail")
			}
			c.Close()
		}})
		all, err := io.ReadAll(dial(t, addr))
		require.NoError(t, err)
		one := "head" + string(data) + "tail"
		require.True(t, one+one == string(all))
		require.EqualValues(t, size, receive(t, sent))
		require.EqualValues(t, size, receive(t, sent))
		f.Close()
	}
}

func TestSendFileThatIsTooShort(t *testing.T) {
	const size, promised = 200 << 10, 300 << 10
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, make([]byte, size), 0o600))
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	rt := newRuntime(t, nil)
	type outcome struct {
		n   int64
		err error
	}
	sent := make(chan outcome, 1)
	addr, ended := serveFuncs(t, rt, funcs{data: func(c *runtime.Conn, in *buffers.Chain) {
		in.Release()
		require.NoError(t, c.SendFile(f, 0, promised, func(n int64, err error) { sent <- outcome{n, err} }))
	}})
	c := dial(t, addr)
	_, err = c.Write([]byte("x"))
	require.NoError(t, err)
	all, err := io.ReadAll(c)
	require.ErrorIs(t, err, syscall.ECONNRESET, "the peer must not take it for the whole file")
	require.LessOrEqual(t, len(all), size)
	o := receive(t, sent)
	require.EqualValues(t, size, o.n)
	require.ErrorIs(t, o.err, io.ErrUnexpectedEOF)
	require.ErrorIs(t, receive(t, ended), io.ErrUnexpectedEOF)
}

func TestRecvFull(t *testing.T) {
	for _, size := range []int{1, 1000, 70 << 10, 9<<20 + 1} {
		rt := newRuntime(t, nil)
		first, second := make([]byte, size), make([]byte, size)
		type outcome struct {
			n   int
			err error
		}
		ends := make(chan outcome, 3)
		addr, _ := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
			c.RecvFull(first, func(n int, err error) {
				ends <- outcome{n, err}
				c.RecvFull(second, func(n int, err error) {
					ends <- outcome{n, err}
					c.RecvFull(make([]byte, 100), func(n int, err error) { ends <- outcome{n, err} })
				})
			})
		}})
		c := dial(t, addr).(*net.TCPConn)
		sent := bytes.Repeat([]byte("abcdefg"), 2*size/7+1)[:2*size]
		_, err := c.Write(append(bytes.Clone(sent), "short"...))
		require.NoError(t, err)
		require.NoError(t, c.CloseWrite())
		require.Equal(t, outcome{size, nil}, receive(t, ends))
		require.Equal(t, outcome{size, nil}, receive(t, ends))
		require.Equal(t, outcome{5, io.ErrUnexpectedEOF}, receive(t, ends))
		require.True(t, bytes.Equal(sent, append(first, second...)))
	}
}

func TestPanicEndsOnlyItsConnection(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	addr, ended := serveFuncs(t, rt, funcs{data: func(c *runtime.Conn, in *buffers.Chain) {
		if in.IndexByte('!') >= 0 {
			panic("as asked")
		}
		_ = c.Send(in.TakeAll())
	}})
	bystander, victim := dial(t, addr), dial(t, addr)
	_, err := victim.Write([]byte("!"))
	require.NoError(t, err)
	require.ErrorIs(t, receive(t, ended), runtime.ErrPanic)
	_, err = victim.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET, "the peer must not take it for an orderly end")
	require.NoError(t, pingPongOn(bystander, "still here", 10))
	require.EqualValues(t, 1, rt.Stats().Total().Panics)
}

func TestDial(t *testing.T) {
	rt := newRuntime(t, nil)
	addr := listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler { return echo{} })
	got := make(chan string, 1)
	client := &funcs{data: func(c *runtime.Conn, in *buffers.Chain) {
		got <- string(in.Bytes())
		in.Release()
		c.Close()
	}}
	c, err := rt.Dial(context.Background(), "tcp", addr.String(), func(*runtime.Conn) runtime.Handler { return client })
	require.NoError(t, err)
	require.NoError(t, c.Loop().Post(func() { _, _ = c.WriteString("round") }))
	require.Equal(t, "round", receive(t, got))
}

func TestDialErrors(t *testing.T) {
	rt := newRuntime(t, nil)
	accept := func(*runtime.Conn) runtime.Handler { return echo{} }

	_, err := rt.Dial(context.Background(), "tcp", testport.Refusing(t), accept)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	var op *net.OpError
	require.ErrorAs(t, err, &op)
	require.Equal(t, "dial", op.Op)

	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = rt.Dial(canceled, "tcp", testport.Refusing(t), accept)
	require.ErrorIs(t, err, context.Canceled)

	_, err = rt.Dial(context.Background(), "tcp", "127.0.0.1", accept)
	require.ErrorContains(t, err, "missing port")
	_, err = rt.Dial(context.Background(), "ip", "127.0.0.1", accept)
	require.ErrorContains(t, err, "unknown network")
}
