package runtime

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/headrace/headrace/runtime/driver"
)

// An upgrade without a gap: the old process starts the new one with its listening
// sockets, HandOver; the new one listens on them, ListenFDs and ListenOnEach, and says
// so, Ready; then the old one takes no more connections and waits for those it has,
// Drain. The sockets are open all the time, so that no connection is refused; those
// that wait in their queues are accepted by whoever comes first.

// FileListener is a listener with sockets to pass on: *[Listener] is one.
type FileListener interface {
	// Files returns copies of the listening sockets, which the caller closes.
	Files() ([]*os.File, error)
}

// envReady names the descriptor by which a successor says that it is ready.
const envReady = "HEADRACE_READY_FD"

// HandOver starts cmd with the sockets of the listeners, for its [ListenFDs], and
// waits until it has called [Ready]. If it ends before, or ctx is done, it is killed
// and the error tells; the listeners are as they were in any case. To pass the
// sockets it uses cmd.ExtraFiles, which must be empty, and cmd.Env; nil means the
// environment of this process, as usual.
//
// It must not be called on a loop. On systems that are not Unix it returns an error
// for which errors.Is(err, errors.ErrUnsupported) holds.
func HandOver(ctx context.Context, cmd *exec.Cmd, listeners ...FileListener) error {
	if len(cmd.ExtraFiles) > 0 {
		return errors.New("runtime: HandOver needs cmd.ExtraFiles for itself")
	}
	var files []*os.File
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	for _, ln := range listeners {
		more, err := ln.Files()
		files = append(files, more...)
		if err != nil {
			return fmt.Errorf("runtime: handing over: %w", err)
		}
	}
	ready, tell, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	cmd.ExtraFiles = append(append(cmd.ExtraFiles, files...), tell)
	cmd.Env = handOverEnv(cmd.Env, files)
	err = cmd.Start()
	tell.Close()
	if err != nil {
		return err
	}
	if err = awaitReady(ctx, ready); err != nil {
		_ = cmd.Process.Kill() // gone already, perhaps
		return fmt.Errorf("runtime: the successor: %w", errors.Join(err, cmd.Wait()))
	}
	return nil
}

// handOverEnv is the environment of a successor.
func handOverEnv(env []string, files []*os.File) []string {
	if env == nil {
		env = os.Environ()
	}
	var names, all []string
	for _, f := range files {
		names = append(names, strings.ReplaceAll(f.Name(), ":", "_"))
	}
	for _, e := range env {
		switch name, _, _ := strings.Cut(e, "="); name {
		case envListenFDs, envListenPID, envListenName, envListenFrom, envReady:
		default:
			all = append(all, e)
		}
	}
	return append(all,
		envListenFDs+"="+strconv.Itoa(len(files)),
		envListenName+"="+strings.Join(names, ":"),
		envListenFrom+"="+strconv.Itoa(os.Getpid()),
		envReady+"="+strconv.Itoa(firstListenFD+len(files)))
}

const readyLine = "ready\n"

// awaitReady waits until the successor says it is ready, or is gone.
func awaitReady(ctx context.Context, pipe *os.File) error {
	stop := context.AfterFunc(ctx, func() { pipe.Close() })
	defer stop()
	line, err := bufio.NewReader(pipe).ReadString('\n')
	switch {
	case line == readyLine:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil || err == io.EOF:
		return errors.New("ended before it was ready")
	}
	return err
}

// Ready tells the process that started this one by [HandOver] that connections are
// taken here now. If there is none it does nothing, and the same goes for further
// calls.
func Ready() error {
	value := os.Getenv(envReady)
	if value == "" {
		return nil
	}
	if err := os.Unsetenv(envReady); err != nil {
		return err
	}
	fd, err := strconv.Atoi(value)
	if err != nil || fd < firstListenFD {
		return fmt.Errorf("runtime: %s is %q", envReady, value)
	}
	if err := closeOnExec(fd); err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), "ready")
	_, err = io.WriteString(f, readyLine)
	return errors.Join(err, f.Close())
}

// Drain stops accepting and waits until no connection is left, or ctx is done;
// the error is ctx's then. It leaves the connections alone, so that they come to
// their ends by themselves: a Shutdown after it asks them to, or cuts them off.
func (rt *Runtime) Drain(ctx context.Context) error {
	for _, ln := range rt.takeListeners() {
		ln.Close()
	}
	return rt.waitIdle(ctx)
}

// Files returns copies of the listening sockets, to pass on: one, or one for each
// loop. They are close-on-exec; os/exec passes them on as ExtraFiles. The caller
// closes them.
//
// After another process got them, the file of a Unix socket is for that one to
// remove: see SetUnlinkOnClose.
func (ln *Listener) Files() ([]*os.File, error) {
	ln.mu.Lock()
	acceptors := ln.acceptors
	closing := ln.closing
	ln.mu.Unlock()
	if closing {
		return nil, &net.OpError{Op: "file", Net: ln.addr.Network(), Addr: ln.addr, Err: net.ErrClosed}
	}
	var files []*os.File
	for _, a := range acceptors {
		f, err := a.file()
		if err != nil {
			for _, f := range files {
				f.Close()
			}
			return nil, opError("file", "", ln.addr.Network(), nil, ln.addr, err)
		}
		files = append(files, f)
	}
	return files, nil
}

// file returns a copy of the listening socket.
func (a *acceptor) file() (f *os.File, err error) {
	called := a.loop.Call(func() {
		if a.closing {
			err = net.ErrClosed
			return
		}
		control := a.loop.engine.Control(a.sock, func(fd uintptr) {
			f, err = duplicate(fd, a.ln.addr.String())
		})
		err = errors.Join(control, err)
	})
	return f, errors.Join(called, err)
}

// SetUnlinkOnClose says whether Close removes the file of a Unix socket. It does
// by default if Listen made it, and does not if the socket came from elsewhere.
func (ln *Listener) SetUnlinkOnClose(unlink bool) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.unlink = ""
	if u, ok := ln.addr.(*net.UnixAddr); ok && unlink && !strings.HasPrefix(u.Name, "@") {
		ln.unlink = u.Name
	}
}

// ListenOnEach is [Runtime.ListenOn] for several sockets that are bound to the same
// address (SO_REUSEPORT), as [Listener.Files] of another process gave them. All are
// accepted on, however many loops there are: the kernel spreads connections over
// all of them. On success the runtime owns them; on error those that it took are
// closed.
func (rt *Runtime) ListenOnEach(sockets []driver.Detached, accept AcceptFunc) (*Listener, error) {
	if len(sockets) == 0 {
		return nil, &net.OpError{Op: "listen", Net: "fd", Err: os.ErrInvalid}
	}
	if accept == nil {
		return nil, &net.OpError{Op: "listen", Net: "fd", Err: errNoAccept}
	}
	ln := &Listener{
		rt: rt, accept: accept, closed: make(chan struct{}),
		spread: len(sockets) < len(rt.loops) && rt.caps.Attach,
	}
	var err error
	for i, socket := range sockets {
		l := rt.loops[i%len(rt.loops)]
		if err = ln.do(l, func() (driver.Socket, error) { return l.engine.Attach(socket) }); err != nil {
			break
		}
	}
	if err == nil {
		err = rt.addListener(ln)
	}
	if err != nil {
		ln.Close()
		return nil, &net.OpError{Op: "listen", Net: "fd", Err: err}
	}
	return ln, ln.start()
}
