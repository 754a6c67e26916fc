//go:build linux

package runtime_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/internal/testport"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

// serveInherited is a child's part: it echoes on the sockets it was given.
func serveInherited(t *testing.T) {
	files, err := runtime.ListenFDs()
	require.NoError(t, err)
	again, err := runtime.ListenFDs()
	require.NoError(t, err)
	require.Empty(t, again)
	require.Empty(t, os.Getenv("LISTEN_FDS"))
	if len(files) == 0 {
		tell("nothing")
		return
	}
	rt := newRuntime(t, &runtime.Config{Loops: 2})
	var names []string
	var sockets []driver.Detached
	for _, f := range files {
		names = append(names, f.Name())
		sockets = append(sockets, f)
	}
	ln, err := rt.ListenOnEach(sockets, acceptEcho)
	require.NoError(t, err)
	require.NoError(t, runtime.Ready())
	require.NoError(t, runtime.Ready(), "again")
	tell("%s %v", strings.Join(names, " "), ln.Addr())
	obey(func(string) { tell("%d", rt.Stats().Total().Accepted) })
}

// TestListenFDs: sockets come from systemd, and only for whom they are meant.
func TestListenFDs(t *testing.T) {
	if isChild(t) {
		serveInherited(t)
		return
	}
	eachBackend(t, func(t *testing.T, _ runtime.Backend, env string) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer ln.Close()
		f, err := ln.(*net.TCPListener).File()
		require.NoError(t, err)
		defer f.Close()

		c := newChild(t, env, "LISTEN_FDS=1", "LISTEN_FDNAMES=web")
		bySystemd(t, c.cmd, f)
		require.Equal(t, "web "+ln.Addr().String(), c.start())
		require.NoError(t, pingPong(ln.Addr(), "hello", 3))
		require.Equal(t, "1", c.ask("how many?"))
		c.end()

		other := newChild(t, env, "LISTEN_FDS=1", "LISTEN_PID=1")
		other.cmd.ExtraFiles = []*os.File{f}
		require.Equal(t, "nothing", other.start())
		other.end()
	})
}

// bySystemd lets a command start as systemd starts it: LISTEN_PID is its own.
func bySystemd(t *testing.T, cmd *exec.Cmd, files ...*os.File) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell:", err)
	}
	cmd.Args = append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	self, err := os.Executable() // /proc/self would be the shell
	require.NoError(t, err)
	cmd.Args[3] = self
	cmd.Path = sh
	cmd.ExtraFiles = files
}

// TestListenFDsThatAreNot: what the environment promises and is not there is an
// error, not somebody else's descriptor.
func TestListenFDsThatAreNot(t *testing.T) {
	for _, count := range []string{"many", "-1", "1025"} {
		t.Setenv("LISTEN_FDS", count)
		t.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
		_, err := runtime.ListenFDs()
		require.ErrorContains(t, err, count)
	}
}

// TestHandOver: the successor listens where we did, and connections go on.
func TestHandOver(t *testing.T) {
	if isChild(t) {
		serveInherited(t)
		return
	}
	eachBackend(t, func(t *testing.T, b runtime.Backend, env string) {
		rt := newRuntime(t, &runtime.Config{Loops: 2, Backend: b})
		ln, err := rt.Listen(context.Background(), "tcp", "127.0.0.1:0", acceptEcho)
		require.NoError(t, err)
		early := dial(t, ln.Addr())
		require.NoError(t, pingPongOn(early, "before", 1))

		// Those that fail leave everything as it was.
		require.Error(t, runtime.HandOver(context.Background(), exec.Command("/proc/self/exe", "-test.run=^$"), ln))
		require.NoError(t, pingPong(ln.Addr(), "still here", 1))

		c := newChild(t, env)
		c.begin = func() error { return runtime.HandOver(context.Background(), c.cmd, ln) }
		told := c.start()
		require.True(t, strings.HasSuffix(told, " "+ln.Addr().String()), told)

		require.NoError(t, ln.Close())
		_, err = ln.Files()
		require.ErrorIs(t, err, net.ErrClosed)
		require.NoError(t, pingPong(ln.Addr(), "the successor's", 2))
		require.NoError(t, pingPongOn(early, "and the old one's", 2))
		require.Equal(t, "1", c.ask("how many?"))

		drained := make(chan error, 1)
		go func() { drained <- rt.Drain(context.Background()) }()
		require.NoError(t, pingPongOn(early, "draining", 2))
		require.NoError(t, early.Close())
		require.NoError(t, receive(t, drained))
		c.end()
	})
}

// TestDrainWithADeadline: connections that stay are left to Shutdown.
func TestDrainWithADeadline(t *testing.T) {
	rt := newRuntime(t, nil)
	ln, err := rt.Listen(context.Background(), "tcp", testport.Refusing(t), acceptEcho)
	require.NoError(t, err)
	c := dial(t, ln.Addr())
	require.NoError(t, pingPongOn(c, "here", 1))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, rt.Drain(ctx), context.DeadlineExceeded)
	require.NoError(t, pingPongOn(c, "and here still", 1))
	_, err = net.Dial("tcp", ln.Addr().String())
	require.Error(t, err)
	require.NoError(t, rt.Shutdown(context.Background()))
}

// TestHandOverWithoutEnd: a successor that does not get ready is waited for as long
// as ctx says.
func TestHandOverWithoutEnd(t *testing.T) {
	if isChild(t) {
		obey(func(string) {})
		return
	}
	rt := newRuntime(t, nil)
	ln, err := rt.Listen(context.Background(), "tcp", "127.0.0.1:0", acceptEcho)
	require.NoError(t, err)
	c := newChild(t)
	stdin, hold, err := os.Pipe()
	require.NoError(t, err)
	defer hold.Close()
	defer stdin.Close()
	c.cmd.Stdin = stdin
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, runtime.HandOver(ctx, c.cmd, ln), context.DeadlineExceeded)
	require.True(t, errors.Is(c.cmd.Process.Signal(os.Kill), os.ErrProcessDone))
	require.NoError(t, pingPong(ln.Addr(), "still here", 1))
}
