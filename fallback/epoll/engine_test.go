//go:build linux

package epoll

import (
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

const patience = 30 * time.Second

// loop is an engine for one test. Close is checked for what it leaves behind.
type loop struct {
	*engine
	t *testing.T
}

func open(t *testing.T, change func(*driver.Config)) *loop {
	t.Helper()
	pool, err := buffers.NewPool(nil)
	require.NoError(t, err)
	cfg := &driver.Config{Pool: pool, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(cfg)
	}
	e, err := Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, e.Close())
		var s driver.Stats
		e.Stats(&s)
		require.Zero(t, s.InFlight)
		require.Zero(t, s.SocketsOpen)
		require.NoError(t, pool.Close())
	})
	return &loop{e.(*engine), t}
}

// call is an operation and what came of it.
type call struct {
	op   driver.Op
	ext  driver.Ext
	out  buffers.Chain
	all  []driver.Result
	data []byte
	from []string
	end  bool
}

func (c *call) Complete(_ *driver.Op, r *driver.Result) {
	c.all = append(c.all, *r)
	c.end = !r.More
	if r.Chunk != nil {
		c.data = append(c.data, r.Chunk.Bytes()...)
		r.Chunk.Release()
	}
	if r.Msg != nil && r.Msg.Remote != nil {
		c.from = append(c.from, r.Msg.Remote.String())
	}
}

func (c *call) last() driver.Result { return c.all[len(c.all)-1] }

func (l *loop) start(code driver.Code, s driver.Socket, set func(*call)) *call {
	c := &call{}
	c.op = driver.Op{Code: code, Socket: s, Owner: c, Ext: &c.ext, Chain: &c.out}
	if set != nil {
		set(c)
	}
	l.Submit(&c.op)
	return c
}

func (l *loop) until(what string, done func() bool) {
	l.t.Helper()
	for end := time.Now().Add(patience); !done(); {
		require.True(l.t, time.Now().Before(end), "waited for %s", what)
		_, err := l.Poll(time.Until(end))
		require.NoError(l.t, err)
	}
}

func (l *loop) end(c *call) driver.Result {
	l.t.Helper()
	l.until(c.op.Code.String(), func() bool { return c.end })
	return c.last()
}

// pair returns a connection: the engine's end and the peer's.
func (l *loop) pair(network string) (driver.Socket, net.Conn) {
	l.t.Helper()
	var addr net.Addr
	if network == "tcp" {
		addr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
	}
	ln, err := l.Listen(network, addr, nil)
	require.NoError(l.t, err)
	peer, err := net.Dial(network, l.LocalAddr(ln).String())
	require.NoError(l.t, err)
	l.t.Cleanup(func() { peer.Close() })
	a := l.start(driver.Accept, ln, nil)
	l.until("accept", func() bool { return len(a.all) > 0 })
	require.NoError(l.t, a.all[0].Err)
	require.NoError(l.t, l.end(l.start(driver.Close, ln, nil)).Err)
	return a.all[0].Socket, peer
}

// TestUrgentData: TCP stops a read short at urgent data, though there is more.
func TestUrgentData(t *testing.T) {
	l := open(t, nil)
	s, peer := l.pair("tcp")
	raw, err := peer.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	_, err = peer.Write([]byte("before"))
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		require.NoError(t, unix.Sendto(int(fd), []byte("!"), unix.MSG_OOB, nil))
	}))
	_, err = peer.Write([]byte("after"))
	require.NoError(t, err)
	r := l.start(driver.Recv, s, nil)
	l.until("all bytes", func() bool { return len(r.data) == len("beforeafter") || r.end })
	require.Equal(t, "beforeafter", string(r.data))
}

// TestTurnEnds: a Poll does not receive from all sockets that are ready, only
// about as much as stays in the cache, and the rest is not forgotten.
func TestTurnEnds(t *testing.T) {
	const sockets, each = 20, 40 << 10
	l := open(t, nil)
	var ids []driver.Socket
	for range sockets {
		s, peer := l.pair("tcp")
		go peer.Write(make([]byte, each))
		require.Eventually(t, func() bool {
			n, err := unix.IoctlGetInt(int(l.sockets.at(uint32(s)).fd), unix.SIOCINQ)
			return err == nil && n == each
		}, patience, time.Millisecond, "bytes in the kernel")
		ids = append(ids, s)
	}
	var calls []*call
	for _, s := range ids {
		calls = append(calls, l.start(driver.Recv, s, nil))
	}
	total := func() (n int) {
		for _, c := range calls {
			n += len(c.data)
		}
		return n
	}
	before := 0
	l.until("everything", func() bool {
		now := total()
		require.LessOrEqual(t, now-before, turnBytes+chunksPerTurn*defaultRecvSize)
		before = now
		return now == sockets*each
	})
}

// TestStaleEvent: a descriptor that somebody else keeps open goes on making
// events after it was closed here. They must not reach the next owner of its entry.
func TestStaleEvent(t *testing.T) {
	l := open(t, nil)
	s, peer := l.pair("tcp")
	entry := l.sockets.at(uint32(s))
	held, err := unix.FcntlInt(uintptr(entry.fd), unix.F_DUPFD_CLOEXEC, 0) // behind the engine's back
	require.NoError(t, err)
	defer unix.Close(held)
	require.NoError(t, l.end(l.start(driver.Close, s, nil)).Err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	other, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	next, err := l.Attach(other)
	require.NoError(t, err)
	require.Equal(t, s, next, "entries are used again last in, first out")
	_, err = peer.Write([]byte("for nobody"))
	require.NoError(t, err)
	for range 3 {
		_, err = l.Poll(0)
		require.NoError(t, err)
	}
	require.False(t, l.sockets.at(uint32(next)).is(readable))
}

// TestUnixQueueFull: nothing tells when a unix listener has room again.
func TestUnixQueueFull(t *testing.T) {
	l := open(t, nil)
	ln, err := l.Listen("unix", nil, &driver.ListenConfig{Backlog: 1})
	require.NoError(t, err)
	var calls []*call
	for range 5 {
		calls = append(calls, l.start(driver.Connect, driver.NoSocket, func(c *call) {
			c.ext.Remote = l.LocalAddr(ln)
		}))
	}
	_, err = l.Poll(0)
	require.NoError(t, err)
	waiting := 0
	for _, c := range calls {
		if !c.end {
			waiting++
		}
	}
	require.Positive(t, waiting, "the queue was to be full")
	l.Cancel(&calls[4].op)
	require.Equal(t, driver.ErrCanceled, l.end(calls[4]).Err)
	a := l.start(driver.Accept, ln, nil)
	for _, c := range calls[:4] {
		require.NoError(t, l.end(c).Err)
	}
	l.until("all accepted", func() bool { return len(a.all) == 4 })
}

// TestUnixgramQueueFull: nor when an unconnected datagram socket's peer has.
func TestUnixgramQueueFull(t *testing.T) {
	l := open(t, nil)
	to, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unixgram"})
	require.NoError(t, err)
	defer to.Close()
	s, err := l.Listen("unixgram", nil, nil)
	require.NoError(t, err)
	in, err := l.Listen("unixgram", nil, nil)
	require.NoError(t, err)
	const grams = 2000
	sent := 0
	var calls []*call
	for range grams {
		calls = append(calls, l.start(driver.SendTo, s, func(c *call) {
			c.out.Append(buffers.Wrap([]byte("x"), nil))
			c.ext.Remote = to.LocalAddr()
		}))
	}
	_, err = l.Poll(0)
	require.NoError(t, err)
	// While the sends wait, the socket receives.
	r := l.start(driver.RecvFrom, s, nil)
	back := l.start(driver.SendTo, in, func(c *call) {
		c.out.Append(buffers.Wrap([]byte("back"), nil))
		c.ext.Remote = l.LocalAddr(s)
	})
	require.NoError(t, l.end(back).Err)
	l.until("an answer", func() bool { return string(r.data) == "back" })
	require.False(t, calls[grams-1].end, "the queue was to be full")
	go func() {
		for range grams {
			_, _ = to.Read(make([]byte, 1))
		}
	}()
	for _, c := range calls {
		require.NoError(t, l.end(c).Err)
		sent += c.last().N
		c.out.Release()
	}
	require.Equal(t, grams, sent)
}

// TestDatagramsOfManySockets: what comes with a datagram stays until it is
// delivered, also when others come in the same turn.
func TestDatagramsOfManySockets(t *testing.T) {
	l := open(t, nil)
	var calls []*call
	var want []string
	for range 20 {
		s, err := l.Listen("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, nil)
		require.NoError(t, err)
		peer, err := net.Dial("udp", l.LocalAddr(s).String())
		require.NoError(t, err)
		defer peer.Close()
		for range 5 {
			_, err = peer.Write([]byte(peer.LocalAddr().String() + " "))
			require.NoError(t, err)
		}
		want = append(want, peer.LocalAddr().String())
		calls = append(calls, l.start(driver.RecvFrom, s, nil))
	}
	for i, c := range calls {
		l.until("five datagrams", func() bool { return len(c.all) == 5 })
		for _, from := range c.from {
			require.Equal(t, want[i], from)
		}
	}
}

// TestDatagramOfManyPieces: all or nothing, also of more than one call gathers.
func TestDatagramOfManyPieces(t *testing.T) {
	l := open(t, nil)
	s, err := l.Listen("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, nil)
	require.NoError(t, err)
	r := l.start(driver.RecvFrom, s, nil)
	send := func(pieces, size int) driver.Result {
		c := l.start(driver.SendTo, s, func(c *call) {
			c.ext.Remote = l.LocalAddr(s)
			for range pieces {
				c.out.Append(buffers.Wrap(make([]byte, size), nil))
			}
		})
		defer c.out.Release()
		return l.end(c)
	}
	require.Equal(t, driver.Result{N: 3 * maxSegments * 10}, send(3*maxSegments, 10))
	l.until("the datagram", func() bool { return len(r.data) == 3*maxSegments*10 })
	require.Equal(t, unix.EMSGSIZE, send(maxSegments, 2000).Err)
	require.Equal(t, unix.EMSGSIZE, send(1, 65530).Err)
	require.Equal(t, driver.Result{}, send(0, 0))
	l.until("an empty datagram", func() bool { return len(r.all) == 2 })
}

// TestLingeringClose: close(2) would wait for a peer that reads nothing.
func TestLingeringClose(t *testing.T) {
	l := open(t, nil)
	s, peer := l.pair("tcp")
	require.NoError(t, l.SetOption(s, driver.Linger, 60))
	fill := l.start(driver.Send, s, func(c *call) {
		c.out.Append(buffers.Wrap(make([]byte, 64<<20), nil))
	})
	require.NoError(t, l.end(fill).Err)
	fill.out.Release()
	c := l.start(driver.Close, s, nil)
	for range 10 {
		_, err := l.Poll(0)
		require.NoError(t, err)
	}
	require.False(t, c.end)
	_, err := io.Copy(io.Discard, peer)
	require.NoError(t, err)
	require.NoError(t, l.end(c).Err)
	var stats driver.Stats
	l.Stats(&stats)
	require.EqualValues(t, 1, stats.FileJobs)
}

// TestSendFileWithoutPages: sendfile(2) refuses such files.
func TestSendFileWithoutPages(t *testing.T) {
	const name = "/proc/self/limits"
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	l := open(t, nil)
	s, peer := l.pair("tcp")
	off := int64(0)
	for {
		c := l.start(driver.SendFile, s, func(c *call) { c.ext.File, c.ext.Off, c.ext.Len = f, off, 1<<20 })
		res := l.end(c)
		off += int64(res.N)
		if res.Err != nil {
			require.Equal(t, io.ErrUnexpectedEOF, res.Err)
			break
		}
		require.Positive(t, res.N)
	}
	require.NoError(t, l.end(l.start(driver.Close, s, nil)).Err)
	got, err := io.ReadAll(peer)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

// TestSendFileCold throws the file out of the page cache, so that a helper has to
// read it first.
func TestSendFileCold(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	data := make([]byte, 2<<20)
	for i := range data {
		data[i] = byte(i >> 9)
	}
	require.NoError(t, os.WriteFile(name, data, 0o600))
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.Sync())
	require.NoError(t, unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED))
	cold := !sock.Cached(f, 0, int64(len(data)))

	l := open(t, nil)
	s, peer := l.pair("tcp")
	got := make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(peer)
		got <- all
	}()
	for off := int64(0); off < int64(len(data)); {
		c := l.start(driver.SendFile, s, func(c *call) {
			c.ext.File, c.ext.Off, c.ext.Len = f, off, int64(len(data))-off
		})
		res := l.end(c)
		require.NoError(t, res.Err)
		off += int64(res.N)
	}
	require.NoError(t, l.end(l.start(driver.Close, s, nil)).Err)
	require.Equal(t, data, <-got)
	var stats driver.Stats
	l.Stats(&stats)
	if cold {
		require.Positive(t, stats.FileJobs)
	}
}

// TestCloseWaitsForHelper: a Close does not overtake the helper that works for
// its socket, and what the helper brings is not used.
func TestCloseWaitsForHelper(t *testing.T) {
	l := open(t, nil)
	s, _ := l.pair("tcp")
	r, w, err := os.Pipe() // reading it blocks until the test writes
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	c := l.start(driver.SendFile, s, func(c *call) { c.ext.File, c.ext.Len = r, 10 })
	slot := c.op.State.Slot
	_, err = l.Poll(0)
	require.NoError(t, err)
	if c.end { // the pipe was refused at once: as good an end
		require.Error(t, c.last().Err)
		return
	}
	closing := l.start(driver.Close, s, nil)
	require.NoError(t, l.end(closing).Err)
	require.True(t, c.end)
	require.Error(t, c.last().Err)
	require.Nil(t, l.records.at(slot).job)
}

// TestRefusedAfterClose: Close of the engine answers everything and leaves nothing.
func TestRefusedAfterClose(t *testing.T) {
	l := open(t, nil)
	s, _ := l.pair("tcp")
	r := l.start(driver.Recv, s, nil)
	_, err := l.Poll(0)
	require.NoError(t, err)
	late := l.start(driver.Recv, s, nil)
	require.NoError(t, l.Close())
	require.Equal(t, driver.ErrCanceled, r.last().Err)
	require.Equal(t, driver.ErrCanceled, late.last().Err)
	require.NoError(t, l.Close())
	after := l.start(driver.Recv, s, nil)
	_, err = l.Poll(-1)
	require.Equal(t, net.ErrClosed, err)
	require.Equal(t, net.ErrClosed, after.last().Err)
	_, err = l.Listen("tcp", nil, nil)
	require.Equal(t, net.ErrClosed, err)
	l.Wake()
}
