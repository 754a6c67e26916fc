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
