package runtime_test

import (
	"context"
	"errors"
	"math"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/internal/testport"
	"github.com/headrace/headrace/runtime"
)

func acceptEcho(*runtime.Conn) runtime.Handler { return echo{} }

func TestListenErrors(t *testing.T) {
	rt := newRuntime(t, nil)
	ctx := context.Background()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	ours := listen(t, rt, "tcp", acceptEcho)

	for name, test := range map[string]struct {
		network, address string
		is               error
		says             string
	}{
		"port of another program": {"tcp", taken.Addr().String(), syscall.EADDRINUSE, "address already in use"},
		"port of our own":         {"tcp", ours.String(), syscall.EADDRINUSE, "address already in use"},
		"not our address":         {"tcp", "192.0.2.1:0", syscall.EADDRNOTAVAIL, ""},
		"unknown network":         {"sctp", "127.0.0.1:0", nil, "unknown network"},
		"network of records":      {"unixpacket", "@records", nil, "unknown network"},
		"network of datagrams":    {"unixgram", "@datagrams", nil, "unknown network"},
		"missing port":            {"tcp", "127.0.0.1", nil, "missing port"},
		"no such folder":          {"unix", filepath.Join(t.TempDir(), "no", "s"), syscall.ENOENT, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rt.Listen(ctx, test.network, test.address, acceptEcho)
			var op *net.OpError
			require.ErrorAs(t, err, &op)
			require.Equal(t, "listen", op.Op)
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
			require.ErrorContains(t, err, test.says)
		})
	}
	require.NoError(t, pingPong(ours, "still serving", 1))
}

// TestNobodyToAccept: a connection that would go to nobody is refused at once.
func TestNobodyToAccept(t *testing.T) {
	rt := newRuntime(t, nil)
	ctx := t.Context()
	_, err := rt.Listen(ctx, "tcp", "127.0.0.1:0", nil)
	require.ErrorIs(t, err, os.ErrInvalid)
	_, err = rt.ListenPacket(ctx, "udp", "127.0.0.1:0", nil)
	require.ErrorIs(t, err, os.ErrInvalid)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	_, err = rt.ListenOn(ln.(*net.TCPListener), nil)
	require.ErrorIs(t, err, os.ErrInvalid)
	_, err = rt.Dial(ctx, "tcp", ln.Addr().String(), nil)
	require.ErrorIs(t, err, os.ErrInvalid)
}

func TestDialUnknownNetworks(t *testing.T) {
	rt := newRuntime(t, nil)
	for _, network := range []string{"unixpacket", "unixgram", "udp", "tcp5", ""} {
		_, err := rt.Dial(t.Context(), network, "127.0.0.1:1", acceptEcho)
		var unknown net.UnknownNetworkError
		require.ErrorAs(t, err, &unknown, network)
	}
}

func TestPortIsFreeAfterClose(t *testing.T) {
	rt := newRuntime(t, nil)
	address := testport.Refusing(t)
	for range 20 {
		ln, err := rt.Listen(context.Background(), "tcp", address, acceptEcho)
		require.NoError(t, err)
		require.NoError(t, pingPong(ln.Addr(), "hello", 2))
		require.NoError(t, ln.Close())
		require.NoError(t, ln.Close(), "again")
		_, err = net.Dial("tcp", address)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
	}
}

// TestSecondServerAfterShutdown: the port can be taken at once, by another
// runtime, while old connections were still open when Shutdown began.
func TestSecondServerAfterShutdown(t *testing.T) {
	address := testport.Refusing(t)
	for range 3 {
		rt, err := runtime.New(&runtime.Config{Loops: 2})
		require.NoError(t, err)
		ln, err := rt.Listen(context.Background(), "tcp", address, acceptEcho)
		require.NoError(t, err)
		c := dial(t, ln.Addr())
		require.NoError(t, pingPongOn(c, "hello", 2))
		require.NoError(t, rt.Shutdown(context.Background()))
		_, err = c.Read(make([]byte, 1))
		require.Error(t, err)
	}
}

func TestOneQueueSpreadsConnections(t *testing.T) {
	const conns = 40
	rt := newRuntime(t, &runtime.Config{Loops: 4})
	loops := make(chan int, conns)
	ln, err := rt.ListenWith(context.Background(), &runtime.ListenConfig{OneQueue: true}, "tcp", "127.0.0.1:0",
		func(c *runtime.Conn) runtime.Handler {
			loops <- c.Loop().Index()
			return echo{}
		})
	require.NoError(t, err)
	defer ln.Close()
	count := map[int]int{}
	for range conns {
		require.NoError(t, pingPongOn(dial(t, ln.Addr()), "hello", 1))
		count[receive(t, loops)]++
	}
	require.Equal(t, map[int]int{0: 10, 1: 10, 2: 10, 3: 10}, count)
	require.Equal(t, conns, ln.Conns())
}

func TestMaxConns(t *testing.T) {
	const most = 5
	rt := newRuntime(t, &runtime.Config{Loops: 1, MaxConns: most})
	addr := listen(t, rt, "tcp", acceptEcho)
	var open []net.Conn
	for range most {
		c := dial(t, addr)
		require.NoError(t, pingPongOn(c, "in", 1))
		open = append(open, c)
	}
	late := dial(t, addr) // waits in the backlog
	_, err := late.Write([]byte("later"))
	require.NoError(t, err)
	require.EqualValues(t, most, rt.Stats().Total().Conns)
	require.NoError(t, open[0].Close())
	buf := make([]byte, 5)
	_, err = late.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "later", string(buf))
}

func TestListenOnInheritedSocket(t *testing.T) {
	rt := newRuntime(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	ln, err := rt.ListenOn(l, acceptEcho)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("skip: %v", err)
	}
	require.NoError(t, err)
	require.Equal(t, l.Addr().String(), ln.Addr().String())
	require.NoError(t, pingPong(ln.Addr(), "inherited", 3))
}

// finisher says goodbye when the runtime shuts down, after a while.
type finisher struct{ funcs }

func (*finisher) Shutdown(c *runtime.Conn) {
	c.Loop().AfterFunc(20*time.Millisecond, func() {
		_, _ = c.WriteString("goodbye")
		c.Close()
	})
}

func TestShutdownLetsHandlersFinish(t *testing.T) {
	rt, err := runtime.New(&runtime.Config{Loops: 2})
	require.NoError(t, err)
	opened := make(chan struct{}, 1)
	addr := listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler {
		opened <- struct{}{}
		return &finisher{}
	})
	c := dial(t, addr)
	receive(t, opened)
	require.NoError(t, rt.Shutdown(context.Background()))
	buf := make([]byte, 16)
	n, err := c.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "goodbye", string(buf[:n]))
}

type stubborn struct{ funcs }

func (*stubborn) Shutdown(*runtime.Conn) {}

func TestShutdownCutsOffAfterItsContext(t *testing.T) {
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(t, err)
	ended := make(chan error, 1)
	h := &stubborn{funcs{closed: func(_ *runtime.Conn, err error) { ended <- err }}}
	opened := make(chan struct{}, 1)
	addr := listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler {
		opened <- struct{}{}
		return h
	})
	dial(t, addr)
	receive(t, opened)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, rt.Shutdown(ctx), context.DeadlineExceeded)
	require.ErrorIs(t, receive(t, ended), net.ErrClosed)
	_, err = rt.Listen(context.Background(), "tcp", "127.0.0.1:0", acceptEcho)
	require.ErrorIs(t, err, net.ErrClosed)
}

// TestCloseGivesEverythingBack: after load, no descriptor is left (goroutines are
// TestMain's, chunks are Close's to find).
func TestCloseGivesEverythingBack(t *testing.T) {
	before := descriptors(t)
	for range 3 {
		rt, err := runtime.New(&runtime.Config{Loops: 2})
		require.NoError(t, err)
		addr := listen(t, rt, "tcp", acceptEcho)
		var clients []net.Conn
		for range 50 {
			c, err := net.Dial("tcp", addr.String())
			require.NoError(t, err)
			_, err = c.Write(make([]byte, 100<<10)) // some of it in flight
			require.NoError(t, err)
			clients = append(clients, c)
		}
		require.NoError(t, rt.Close())
		for _, c := range clients {
			c.Close()
		}
	}
	require.Eventually(t, func() bool { return descriptors(t) <= before }, watchdog, 10*time.Millisecond)
}

// descriptors counts the process's, where that can be seen.
func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

func TestConfigErrors(t *testing.T) {
	for name, cfg := range map[string]*runtime.Config{
		"Loops":                         {Loops: -1},
		"Backend":                       {Backend: 99},
		"RecvBuffers":                   {RecvBuffers: 100},
		"RecvBufferSize":                {RecvBufferSize: 1000},
		"UnreadLow":                     {UnreadHigh: 1000, UnreadLow: 2000},
		"UnreadLow (2":                  {UnreadLow: 2 << 20},
		"UnsentLow (2":                  {UnsentLow: 2 << 20},
		"MaxMemory":                     {MaxMemory: -1},
		"MaxMemory is 1,":               {MaxMemory: 1},
		"IdleTimeout is negative (-1s)": {IdleTimeout: -time.Second},
		"FileWindow":                    {Sizes: runtime.Sizes{FileWindow: -1}},
		"Direct":                        {Sizes: runtime.Sizes{Direct: -1}},
		"recv_multishoot":               {Disable: []string{"recv_multishoot"}},
	} {
		_, err := runtime.New(cfg)
		require.ErrorContains(t, err, name)
	}
}

// TestLeastMemory: what New takes is enough to serve with.
func TestLeastMemory(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1, RecvBufferSize: 16 << 10, MaxMemory: 16 << 10})
	require.NoError(t, pingPong(listen(t, rt, "tcp", acceptEcho), "hello", 3))
}

func TestBackendFromEnvironment(t *testing.T) {
	t.Setenv(runtime.BackendEnv, "portable")
	rt := newRuntime(t, nil)
	require.Equal(t, runtime.Portable, rt.Backend())
	require.Equal(t, "portable", rt.Decision().Engine)

	t.Setenv(runtime.BackendEnv, "kqueue")
	_, err := runtime.New(nil)
	require.ErrorContains(t, err, `HEADRACE_BACKEND: unknown backend "kqueue"`)
}

func TestPostFromManyGoroutines(t *testing.T) {
	const posters, each = 8, 500
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	l := rt.Loops()[0]
	sum := 0 // touched on the loop only
	for range posters {
		go func() {
			for range each {
				_ = l.Post(func() { sum++ })
			}
		}()
	}
	require.Eventually(t, func() bool {
		got := 0
		require.NoError(t, l.Call(func() { got = sum }))
		return got == posters*each
	}, watchdog, time.Millisecond)
	require.NoError(t, rt.Close())
	require.ErrorIs(t, l.Post(func() {}), net.ErrClosed)
}

func TestTimersFireInOrder(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	l := rt.Loops()[0]
	fired := make(chan int, 10)
	require.NoError(t, l.Call(func() {
		for _, ms := range []int{9, 3, 7, 1, 5} {
			l.AfterFunc(time.Duration(ms)*time.Millisecond, func() { fired <- ms })
		}
		stopped := l.AfterFunc(2*time.Millisecond, func() { fired <- 2 })
		require.True(t, stopped.Stop())
		require.False(t, stopped.Stop())
	}))
	for _, want := range []int{1, 3, 5, 7, 9} {
		require.Equal(t, want, receive(t, fired))
	}
}

// TestTimersForEver: a time that the clock can not hold never comes.
func TestTimersForEver(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1, IdleTimeout: math.MaxInt64, WriteTimeout: math.MaxInt64})
	l := rt.Loops()[0]
	fired := make(chan int, 3)
	require.NoError(t, l.Call(func() {
		l.AfterFunc(math.MaxInt64, func() { fired <- 1 })
		l.AfterFunc(time.Hour, func() { fired <- 2 }).Reset(math.MaxInt64)
		l.AfterFunc(time.Millisecond, func() { fired <- 3 })
	}))
	require.Equal(t, 3, receive(t, fired))
	ended := make(chan error, 1)
	addr := listen(t, rt, "tcp", func(c *runtime.Conn) runtime.Handler {
		c.SetReadTimeout(math.MaxInt64)
		return &funcs{
			data:   func(c *runtime.Conn, in *buffers.Chain) { c.Send(in.TakeAll()) },
			closed: func(_ *runtime.Conn, err error) { ended <- err },
		}
	})
	require.NoError(t, pingPong(addr, "hello", 2))
	require.NoError(t, receive(t, ended))
	require.Empty(t, fired)
}

func TestWriteFromOtherGoroutineThroughPost(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	conns := make(chan *runtime.Conn, 1)
	addr := listen(t, rt, "tcp", func(c *runtime.Conn) runtime.Handler {
		conns <- c
		return &funcs{data: func(_ *runtime.Conn, in *buffers.Chain) { in.Release() }}
	})
	c := dial(t, addr)
	server := receive(t, conns)
	require.NoError(t, server.Loop().Post(func() { _, _ = server.WriteString("news") }))
	buf := make([]byte, 4)
	_, err := c.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "news", string(buf))
}

// TestUnixSocketFile: as with package net, Close removes it and a file that is in
// the way is an error.
func TestUnixSocketFile(t *testing.T) {
	rt := newRuntime(t, nil)
	name := filepath.Join(t.TempDir(), "s")
	for range 2 {
		ln, err := rt.Listen(context.Background(), "unix", name, acceptEcho)
		require.NoError(t, err)
		_, err = rt.Listen(context.Background(), "unix", name, acceptEcho)
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.NoError(t, pingPong(ln.Addr(), "hello", 1))
		require.NoError(t, ln.Close())
		require.NoFileExists(t, name)
	}
}
