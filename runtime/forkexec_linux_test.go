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
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
)

// TestForkExecUnderLoad: a process that serves starts others. They hold none of its
// descriptors, be it a socket, a relay's pipe or a file on its way, and no stream loses
// or changes a byte.
func TestForkExecUnderLoad(t *testing.T) {
	if isChild(t) {
		tell("%s", strings.Join(ownDescriptors(t), " "))
		return
	}
	served := streamFile(t, fileStream, fileSize).Name()
	eachBackend(t, func(t *testing.T, b runtime.Backend, _ string) {
		inherited := pipesOf(strings.Join(ownDescriptors(t), " "))
		rt := newRuntime(t, &runtime.Config{
			Loops: 2, Backend: b, Sizes: runtime.Sizes{Splice: 1},
			WriteTimeout: time.Hour, LingerTimeout: time.Hour, // one peer dawdles
		})
		ctx, cancel := context.WithCancel(context.Background())
		l := startLoad(ctx, t, rt, served)
		defer l.running.Wait()
		defer cancel()
		rounds := 5
		if testing.Short() {
			rounds = 1
		}
		before := l.progress(rt)
		require.Eventually(t, func() bool { // the test itself has it open, too
			return strings.Count(strings.Join(ownDescriptors(t), " "), served) > 1
		}, watchdog, tick)
		for range rounds {
			c := newChild(t)
			foundNothing(t, c.start(), served, inherited)
			c.end()
			foundNothing(t, forkExec(t), served, inherited)
		}
		// Else there was nothing for the children to find.
		require.Eventually(t, func() bool {
			now := l.progress(rt)
			return now.files > before.files && (now.splices > before.splices) == splices(rt)
		}, watchdog, tick)
		cancel()
		for range loadStreams {
			require.NoError(t, receive(t, l.errs))
		}
		for range loadRelays {
			require.NoError(t, receive(t, l.relays).Err())
		}
	})
}

// The streams of the load: echoed, some of them through a relay, and a file's.
const (
	loadEchoes, loadRelays, loadFiles = 4, 4, 2
	loadStreams                       = loadEchoes + loadRelays + loadFiles

	fileStream = 1000
	fileSize   = 16 << 20 // more than sockets hold
)

// forkLoad is what a process does that starts others.
type forkLoad struct {
	running sync.WaitGroup
	errs    chan error // of each stream
	relays  chan *runtime.RelayResult
	files   atomic.Uint64 // that arrived
}

type forkProgress struct{ files, splices uint64 }

func (l *forkLoad) progress(rt *runtime.Runtime) forkProgress {
	return forkProgress{l.files.Load(), rt.Stats().Total().Paths.Splices}
}

// startLoad keeps rt busy until ctx is done.
func startLoad(ctx context.Context, t *testing.T, rt *runtime.Runtime, served string) *forkLoad {
	l := &forkLoad{errs: make(chan error, loadStreams), relays: make(chan *runtime.RelayResult, loadRelays)}
	direct := listen(t, rt, "tcp", acceptEcho)
	content := make([]byte, fileSize)
	streamBytes(fileStream, 0, content)
	relayed := listen(t, rt, "tcp", relayTo(direct.String(), l.relays))
	files := listen(t, rt, "tcp", acceptFile(served))
	for i := range uint64(loadEchoes) {
		l.running.Go(func() { l.errs <- keepEchoing(ctx, direct, i) })
	}
	for i := range uint64(loadRelays) {
		l.running.Go(func() { l.errs <- keepEchoing(ctx, relayed, loadEchoes+i) })
	}
	for i := range loadFiles {
		l.running.Go(func() { l.errs <- l.keepFetching(ctx, files, content, i == 0) })
	}
	return l
}

// acceptFile sends the file to everybody, who gets a descriptor of their own for it.
func acceptFile(name string) runtime.AcceptFunc {
	return func(*runtime.Conn) runtime.Handler {
		return &funcs{open: func(c *runtime.Conn) {
			f, err := os.Open(name)
			if err == nil {
				err = c.SendFile(f, 0, -1, func(int64, error) { f.Close() })
			}
			if err != nil {
				c.Abort(err)
				return
			}
			c.Close()
		}}
	}
}

// keepFetching fetches the file and looks at it, until ctx is done; or it lets the
// server wait with one until then, whose file is open all the while.
func (l *forkLoad) keepFetching(ctx context.Context, addr net.Addr, content []byte, dawdle bool) error {
	all := make([]byte, len(content))
	for ctx.Err() == nil {
		c, err := net.Dial(addr.Network(), addr.String())
		if err != nil {
			return err
		}
		if dawdle {
			<-ctx.Done()
		}
		_ = c.SetDeadline(time.Now().Add(watchdog))
		n, err := io.ReadFull(c, all)
		if err == nil {
			_, err = c.Read(make([]byte, 1))
		}
		c.Close()
		if err != io.EOF {
			return fmt.Errorf("%d bytes of the file: %w", n, err)
		}
		if !bytes.Equal(content, all) {
			return errors.New("the file has other bytes")
		}
		l.files.Add(1)
	}
	return nil
}

// ownDescriptors lists what this process holds, its standard ones included.
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

// pipesOf returns which of the descriptors, beside the standard ones, are pipes.
func pipesOf(all string) (pipes []string) {
	for _, d := range strings.Fields(all) {
		number, name, _ := strings.Cut(d, "=")
		standard := number == "0" || number == "1" || number == "2"
		if !standard && strings.HasPrefix(name, "pipe:") {
			pipes = append(pipes, name)
		}
	}
	return pipes
}

// foundNothing looks at a child's descriptors. Go's netpoller there has one epoll
// instance and one eventfd of its own; pipes that this process was born with (make
// has some) may go on to the child.
func foundNothing(t *testing.T, all, served string, inherited []string) {
	t.Helper()
	require.NotContains(t, all, "socket:")
	require.NotContains(t, all, "io_uring")
	require.NotContains(t, all, served)
	require.Subset(t, inherited, pipesOf(all))
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
		_ = c.SetDeadline(time.Now().Add(watchdog)) // for progress, not for all
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
