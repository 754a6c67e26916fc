//go:build linux

package runtime_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
)

// TestForkExecUnderLoad: a process that serves starts others. They hold none of
// its descriptors, and no stream loses or changes a byte.
func TestForkExecUnderLoad(t *testing.T) {
	if isChild(t) {
		tell("%s", strings.Join(ownDescriptors(t), " "))
		return
	}
	eachBackend(t, func(t *testing.T, b runtime.Backend, _ string) {
		rt := newRuntime(t, &runtime.Config{Loops: 2, Backend: b})
		addr := listen(t, rt, "tcp", acceptEcho)
		ctx, cancel := context.WithCancel(context.Background())
		var load sync.WaitGroup
		defer load.Wait()
		defer cancel()
		const streams = 16
		errs := make(chan error, streams)
		for i := range streams {
			load.Go(func() { errs <- keepEchoing(ctx, addr, uint64(i)) })
		}
		rounds := 5
		if testing.Short() {
			rounds = 1
		}
		for range rounds {
			c := newChild(t)
			foundNothing(t, c.start())
			c.end()
			foundNothing(t, forkExec(t))
		}
		cancel()
		for range streams {
			require.NoError(t, receive(t, errs))
		}
	})
}

// ownDescriptors lists what this process holds, its standard ones left out.
func ownDescriptors(t *testing.T) (all []string) {
	list, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, entry := range list {
		name, err := os.Readlink("/proc/self/fd/" + entry.Name())
		if err == nil { // the folder itself is closed by now
			all = append(all, entry.Name()+"="+name)
		}
	}
	return all
}

// foundNothing looks at a child's descriptors. Go's netpoller there has one epoll
// instance and one eventfd of its own.
func foundNothing(t *testing.T, all string) {
	t.Helper()
	require.NotContains(t, all, "socket:")
	require.NotContains(t, all, "io_uring")
	require.LessOrEqual(t, strings.Count(all, "eventpoll"), 1, all)
	require.LessOrEqual(t, strings.Count(all, "eventfd"), 1, all)
}

// forkExec starts the child by the system call's own name, with nothing around it.
func forkExec(t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	name, _, _ := strings.Cut(t.Name(), "/")
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"child", "-test.run=^" + name + "$", "-test.count=1"},
		&syscall.ProcAttr{
			Env:   append(os.Environ(), envChild+"="+name, "GORACE=atexit_sleep_ms=0"),
			Files: []uintptr{0, w.Fd(), 2},
		})
	w.Close()
	require.NoError(t, err)
	out, err := io.ReadAll(r)
	require.NoError(t, err)
	var status syscall.WaitStatus
	for {
		_, err = syscall.Wait4(pid, &status, 0, nil)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	require.NoError(t, err)
	require.Zero(t, status.ExitStatus(), "%s", out)
	_, all, found := strings.Cut(string(out), answer)
	require.True(t, found, "%s", out)
	return all
}

// keepEchoing sends a stream and looks at what comes back, until ctx is done and
// the last of it has come.
func keepEchoing(ctx context.Context, addr net.Addr, stream uint64) error {
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		return err
	}
	c := conn.(*net.TCPConn)
	defer c.Close()
	wrote := make(chan uint64, 1)
	go func() {
		buf := make([]byte, 20_000)
		off := uint64(0)
		for ctx.Err() == nil {
			streamBytes(stream, off, buf)
			n, err := c.Write(buf)
			if off += uint64(n); err != nil {
				break
			}
		}
		_ = c.CloseWrite()
		wrote <- off
	}()
	var off uint64
	in, want := make([]byte, 20_000), make([]byte, 20_000)
	for {
		n, err := c.Read(in)
		if bad := foreign(stream, off, in[:n], want); bad != nil {
			return bad
		}
		off += uint64(n)
		if err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	if sent := <-wrote; sent != off {
		return fmt.Errorf("%d bytes came back of %d", off, sent)
	}
	return nil
}

// TestNotCopiedOnFork: what is shared with the kernel stays out of children
// (VmFlags dc in proc_pid_smaps(5)): after a fork, the parent's next write would
// move it to a page that the kernel does not know.
func TestNotCopiedOnFork(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	addr := listen(t, rt, "tcp", acceptEcho)
	require.NoError(t, pingPong(addr, "hello", 3))
	chunk := rt.Loops()[0].Pool().Get(4 << 10)
	defer chunk.Release()
	at := uintptr(unsafe.Pointer(unsafe.SliceData(chunk.Room())))
	pools, rings := 0, 0
	eachMapping(t, func(from, to uintptr, head, flags string) {
		if from <= at && at < to {
			pools++
			require.Contains(t, flags, " dc", head)
		}
		if strings.Contains(head, "io_uring") {
			rings++
			require.Contains(t, flags, " dc", head)
		}
	})
	require.Equal(t, 1, pools)
	if rt.Backend() == runtime.IOUring {
		require.NotZero(t, rings)
	}
}

// eachMapping calls f with the mappings of this process.
func eachMapping(t *testing.T, f func(from, to uintptr, head, flags string)) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	require.NoError(t, err)
	var from, to uintptr
	var head string
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		var a, b uintptr
		if n, _ := fmt.Sscanf(line, "%x-%x ", &a, &b); n == 2 {
			from, to, head = a, b, line
		}
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok {
			f(from, to, head, flags)
		}
	}
}
