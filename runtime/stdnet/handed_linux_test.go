//go:build linux

package stdnet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/stdnet"
)

type filer interface{ File() (*os.File, error) }

// TestFileToChild: a child has a connection for its input, and nobody reads beside it.
func TestFileToChild(t *testing.T) {
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Skip(err)
	}
	each(t, func(t *testing.T, network string, mode stdnet.Mode) {
		rt := newRuntime(t)
		if mode == stdnet.Loop && rt.Backend() == runtime.Portable {
			t.Skip("there the loop goes on reading")
		}
		server, client := pair(t, rt, network, mode)
		f, err := server.(filer).File()
		require.NoError(t, err)
		child := exec.Command(cat)
		child.Stdin = f
		_, err = client.Write([]byte("hello"))
		require.NoError(t, err)
		require.NoError(t, client.(interface{ CloseWrite() error }).CloseWrite())
		said, err := child.Output()
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.Equal(t, "hello", string(said))
	})
}

// TestFileIsNotOfALoop: who has the file can make the socket block, and so a loop.
func TestFileIsNotOfALoop(t *testing.T) {
	rt := newRuntime(t)
	server, client := accepted(t, rt, stdnet.Roam)
	f, err := server.(filer).File()
	require.NoError(t, err)
	defer f.Close()
	f.Fd()
	for range 100 {
		require.NoError(t, exchangeOne(client, server))
		require.Zero(t, rt.Stats().Total().Conns)
	}
}

func exchangeOne(from, to net.Conn) error {
	_, err := from.Write([]byte("x"))
	if err == nil {
		_, err = to.Read(make([]byte, 1))
	}
	return err
}

// TestPausedStaysPaused: an attempt to leave the loop that fails does not have it take in
// what nobody reads.
func TestPausedStaysPaused(t *testing.T) {
	rt := newRuntime(t)
	if rt.Backend() == runtime.Portable {
		t.Skip("there is no leaving")
	}
	var client net.Conn
	for end, failed := time.Now().Add(watchdog), error(nil); failed == nil; {
		require.True(t, time.Now().Before(end), "what is queued always leaves")
		var server net.Conn
		server, client = accepted(t, rt, stdnet.Loop)
		fill(t, server)
		fill(t, client)
		raw, err := server.(syscall.Conn).SyscallConn()
		require.NoError(t, err)
		require.NoError(t, server.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
		if failed = raw.Write(func(uintptr) bool { return true }); failed != nil {
			require.ErrorIs(t, failed, os.ErrDeadlineExceeded)
		} // else the kernel had room when the machine came to it
	}
	const much = 64 << 20 // more than kernels keep
	require.NoError(t, client.SetWriteDeadline(time.Now().Add(300*time.Millisecond)))
	n, err := client.Write(make([]byte, much))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Less(t, n, much)
}

// TestDeadlineWhileLoopIsHeldUp: a connection that would move to a loop does not wait for
// it longer than it may.
func TestDeadlineWhileLoopIsHeldUp(t *testing.T) {
	rt := newRuntime(t)
	server, client := pair(t, rt, "tcp", stdnet.Roam)
	require.NoError(t, exchangeOne(client, server))
	held, release := make(chan struct{}, len(rt.Loops())), make(chan struct{})
	for _, l := range rt.Loops() {
		require.NoError(t, l.Post(func() {
			held <- struct{}{}
			<-release
		}))
		<-held
	}
	returns(t, func() {
		_ = server.SetReadDeadline(time.Now().Add(time.Millisecond))
		for err := error(nil); !errors.Is(err, os.ErrDeadlineExceeded); {
			_, err = server.Read(make([]byte, 1))
		}
	})
	close(release)
	require.NoError(t, server.SetReadDeadline(time.Time{}))
	require.NoError(t, exchangeOne(client, server))
}

// TestErrorOfAnotherConnection: a copy that fails for its source leaves the source's errors
// as they are, and its own names nobody else, also where the connection has moved.
func TestErrorOfAnotherConnection(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			rt := newRuntime(t)
			src, _ := pair(t, rt, "tcp", stdnet.Loop)
			dst, client := pair(t, rt, network, stdnet.Loop)
			require.NoError(t, exchangeOne(client, dst))
			f, err := dst.(filer).File() // from the loop to the netpoller, for good
			require.NoError(t, err)
			require.NoError(t, f.Close())

			require.NoError(t, src.SetReadDeadline(time.Unix(1, 0)))
			_, want := src.Read(make([]byte, 1))
			require.ErrorIs(t, want, os.ErrDeadlineExceeded)
			text := want.Error()
			_, err = dst.(io.ReaderFrom).ReadFrom(src)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.ErrorContains(t, err, text)
			require.EqualError(t, want, text)
			_, err = src.Read(make([]byte, 1))
			require.EqualError(t, err, text)
		})
	}
}

// TestPacketControlOfALoop: what Control calls may be a method of the socket.
func TestPacketControlOfALoop(t *testing.T) {
	lc := stdnet.ListenConfig{Runtime: newRuntime(t), Mode: stdnet.Loop}
	pc, err := lc.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer pc.Close()
	raw, err := pc.(syscall.Conn).SyscallConn()
	require.NoError(t, err)
	returns(t, func() {
		_ = raw.Control(func(uintptr) { err = pc.(interface{ SetReadBuffer(int) error }).SetReadBuffer(64 << 10) })
	})
	require.NoError(t, err)
}

// TestPacketFile: it blocks for who wants it to, as package net's, and so are its errors.
func TestPacketFile(t *testing.T) {
	for name, mode := range map[string]stdnet.Mode{"poller": stdnet.Poller, "loop": stdnet.Loop} {
		t.Run(name, func(t *testing.T) {
			lc := stdnet.ListenConfig{Runtime: newRuntime(t), Mode: mode}
			pc, err := lc.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
			require.NoError(t, err)
			f, err := pc.(filer).File()
			require.NoError(t, err)
			defer f.Close()
			state, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
			require.NoError(t, err)
			require.Zero(t, state&unix.O_NONBLOCK)
			require.NoError(t, pc.Close())
			_, err = pc.(filer).File()
			var op *net.OpError
			require.ErrorAs(t, err, &op)
			require.Equal(t, "file", op.Op)
		})
	}
}

// TestKeepAliveOfInherited: the fields that are for accepted connections are for those of
// a listener that came from another process, too.
func TestKeepAliveOfInherited(t *testing.T) {
	own, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer own.Close()
	f, err := own.(*net.TCPListener).File()
	require.NoError(t, err)
	defer f.Close()
	rt := newRuntime(t)
	for name, lc := range map[string]stdnet.ListenConfig{
		"default": {},
		"none":    {KeepAlive: -1},
		"period":  {KeepAlive: 40 * time.Second},
		"all": {KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 50 * time.Second,
			Interval: 3 * time.Second, Count: 5}},
	} {
		t.Run(name, func(t *testing.T) {
			lc.Runtime = rt
			inherited, err := lc.FileListener(f)
			require.NoError(t, err)
			defer inherited.Close()
			std := net.ListenConfig{KeepAlive: lc.KeepAlive, KeepAliveConfig: lc.KeepAliveConfig}
			opened, err := std.Listen(context.Background(), "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer opened.Close()
			var options [][]int
			for _, ln := range []net.Listener{inherited, opened} {
				c, err := net.Dial("tcp", ln.Addr().String())
				require.NoError(t, err)
				defer c.Close()
				s, err := ln.Accept()
				require.NoError(t, err)
				defer s.Close()
				options = append(options, readOptions(t, s.(syscall.Conn)))
			}
			if on := 1; options[1][on] == 0 { // the others mean nothing then
				options[0], options[1] = options[0][:on+1], options[1][:on+1]
			}
			require.Equal(t, options[1], options[0])
		})
	}
}
