//go:build linux

package epoll

import (
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

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

// loaded returns sockets that have n bytes each to receive.
func (l *loop) loaded(sockets, n int) (ids []driver.Socket) {
	l.t.Helper()
	for range sockets {
		s, peer := l.pair("tcp")
		go peer.Write(make([]byte, n))
		require.Eventually(l.t, func() bool {
			queued, err := unix.IoctlGetInt(int(l.sockets.at(uint32(s)).fd), unix.SIOCINQ)
			return err == nil && queued == n
		}, patience, time.Millisecond, "bytes in the kernel")
		ids = append(ids, s)
	}
	return ids
}

// TestPollEnds: its time passes also while operations move bytes and none of them ends.
func TestPollEnds(t *testing.T) {
	const sockets, each = 40, 40 << 10
	l := open(t, nil)
	ids := l.loaded(sockets, each)
	l.turns(2) // all are known to be ready, so that Poll has no need to wait
	var calls []*call
	for _, s := range ids {
		calls = append(calls, l.start(driver.RecvInto, s, func(c *call) {
			c.op.Buf, c.op.Full = make([]byte, each+1), true
		}))
	}
	n, err := l.Poll(1)
	require.NoError(t, err)
	require.Zero(t, n)
	require.LessOrEqual(t, l.stats.BytesIn, uint64(3*turnBytes))
	for _, c := range calls {
		l.Cancel(&c.op)
		require.Equal(t, driver.ErrCanceled, l.end(c).Err)
	}
}

// TestTurnEnds: a Poll does not receive from all sockets that are ready, only
// about as much as stays in the cache, and the rest is not forgotten.
func TestTurnEnds(t *testing.T) {
	const sockets, each = 20, 40 << 10
	l := open(t, nil)
	ids := l.loaded(sockets, each)
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

// TestFilesTakeTurns: what many files move in one turn is bounded, nobody is forgotten, and
// a message that is sent meanwhile does not wait for them.
func TestFilesTakeTurns(t *testing.T) {
	const files, size = 60, fileMax / 2 // which a socket takes at once
	l := open(t, nil)
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer f.Close()
	_, err = f.Write(make([]byte, size))
	require.NoError(t, err)
	var ids []driver.Socket
	for range files + 1 {
		s, peer := l.pair("tcp")
		go io.Copy(io.Discard, peer)
		require.NoError(t, l.SetOption(s, driver.WriteBuffer, 2*size))
		ids = append(ids, s)
	}
	var calls []*call
	for _, s := range ids[1:] {
		calls = append(calls, l.start(driver.SendFile, s, func(c *call) { c.ext = driver.Ext{File: f, Len: size} }))
	}
	small := l.start(driver.Send, ids[0], func(c *call) { c.out.Append(buffers.Wrap([]byte("in between"), nil)) })
	done := func() (n int) {
		for _, c := range calls {
			if c.end {
				n++
			}
		}
		return n
	}
	for polls := 1; done() < files; polls++ {
		before := l.stats.BytesOut
		_, err := l.Poll(patience)
		require.NoError(t, err)
		require.Less(t, l.stats.BytesOut-before, uint64(2*(fileTurn+fileMax)))
		if polls == 1 {
			require.True(t, small.end)
			require.Less(t, done(), files)
		}
	}
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

// TestDeaf: a socket that nobody reads from wakes the loop a few times and no more. What comes
// then is there for the next read, what comes after it is told of again, and so is room to
// send meanwhile.
func TestDeaf(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			l := open(t, nil)
			s, peer := l.pair(network)
			is := func(f flags) bool { return l.sockets.at(uint32(s)).is(f) }
			write := func(text string) {
				_, err := peer.Write([]byte(text))
				require.NoError(t, err)
			}
			for range 2 { // it hears again each time
				sent := ""
				for i := 0; !is(deaf); i++ {
					require.Less(t, i, 100)
					write("x")
					sent += "x"
					l.turns(1)
				}
				l.turns(1) // epoll was asked anew, and says that there is room
				write("y")
				n, err := got(epollWaitNow(l.epfd, l.events))
				require.NoError(t, err)
				require.Zero(t, n)

				full, queued := l.fill(s)
				_, err = io.CopyN(io.Discard, peer, int64(queued))
				require.NoError(t, err)
				require.NoError(t, l.end(full).Err)
				_, err = io.CopyN(io.Discard, peer, int64(full.last().N))
				require.NoError(t, err)

				in := l.start(driver.Recv, s, nil)
				l.until("what came", func() bool { return len(in.data) == len(sent)+1 })
				require.Equal(t, sent+"y", string(in.data))
				l.until("an empty socket", func() bool { return !is(deaf) })
				write("z")
				l.until("what came then", func() bool { return len(in.data) == len(sent)+2 })
				l.Cancel(&in.op)
				l.end(in)
			}
			for !is(deaf) {
				write("x")
				l.turns(1)
			}
			require.NoError(t, peer.Close())
			in := l.start(driver.Recv, s, nil)
			require.ErrorIs(t, l.end(in).Err, io.EOF)
		})
	}
}

// fill sends until there is no room. It returns the send that waits, and how many bytes
// those before it took.
func (l *loop) fill(s driver.Socket) (full *call, queued int) {
	l.t.Helper()
	data := make([]byte, 1<<20)
	for range 100 {
		c := l.start(driver.Send, s, func(c *call) { c.out.Append(buffers.Wrap(data, nil)) })
		if l.turns(2); !c.end {
			return c, queued
		}
		require.NoError(l.t, c.last().Err)
		queued += c.last().N
	}
	l.t.Fatal("there is always room")
	return nil, 0
}

func (l *loop) turns(n int) {
	l.t.Helper()
	for range n {
		_, err := l.Poll(0)
		require.NoError(l.t, err)
	}
}
