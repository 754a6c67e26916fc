//go:build linux

package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/headrace/headrace/bench/measure"
)

// process is a child in its own group, pinned from its first instruction on.
type process struct {
	cmd    *exec.Cmd
	stderr tail
	ended  chan struct{} // closed when Wait has returned
	err    error         // of Wait, once ended is closed
}

// start runs cmd in its seat. The child inherits affinity, priority and network of the thread that
// starts it.
func start(cmd *exec.Cmd, seat Seat) (*process, error) {
	p := &process{cmd: cmd, ended: make(chan struct{})}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = &p.stderr
	cmd.WaitDelay = stopTimeout
	err := seat.Net.Do(func() error {
		if err := measure.Pin(seat.Cores...); err != nil {
			return err
		}
		if seat.Nice != 0 {
			if err := measure.Nice(seat.Nice); err != nil {
				return err
			}
		}
		return cmd.Start()
	})
	if err != nil {
		return nil, err
	}
	go func() {
		// What left the group may hold the pipes: the process itself has ended all the same.
		if p.err = cmd.Wait(); errors.Is(p.err, exec.ErrWaitDelay) {
			p.err = nil
		}
		close(p.ended)
	}()
	return p, nil
}

func (p *process) group() int { return p.cmd.Process.Pid }

// alive reports whether the process has not ended.
func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// stop asks the process to end, then makes its whole group end, and waits. It returns what Wait said
// when the process ended by itself or on request.
func (p *process) stop() error {
	if p.alive() {
		_ = syscall.Kill(p.group(), syscall.SIGTERM) // it may have ended just now
		select {
		case <-p.ended:
		case <-time.After(stopTimeout):
		}
	}
	// What is left of the group: workers of a master that died, or a server that does not stop.
	if err := syscall.Kill(-p.group(), syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("harness: killing group %d: %w", p.group(), err)
	}
	<-p.ended
	return p.err
}

// wait blocks until the process ends or ctx is done, and ends it then.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.ended:
		return p.err
	case <-ctx.Done():
		_ = p.stop() // the reason is ctx's
		return ctx.Err()
	}
}

// tail keeps the end of what a process writes to standard error.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

// Write keeps the last 4 KiB.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	const keep = 4 << 10
	t.buf = append(t.buf, b...)
	if len(t.buf) > keep {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-keep:]...)
	}
	return len(b), nil
}

// last returns the last line that says something: for a Go crash, the first one, which names it.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, mark := range []string{"panic:", "fatal error:"} {
		if i := bytes.Index(t.buf, []byte(mark)); i >= 0 {
			line, _, _ := bytes.Cut(t.buf[i:], []byte("\n"))
			return string(line)
		}
	}
	lines := bytes.Split(bytes.TrimSpace(t.buf), []byte("\n"))
	return string(lines[len(lines)-1])
}

// environ is the environment of every child: ours, without what would change Go's behaviour unseen.
func environ(extra ...string) []string {
	env := os.Environ()
	kept := env[:0:0]
	for _, kv := range env {
		switch name, _, _ := cut(kv); name {
		case "GOMAXPROCS", "GOGC", "GODEBUG", "GOMEMLIMIT", "HEADRACE_BACKEND":
		default:
			kept = append(kept, kv)
		}
	}
	return append(kept, extra...)
}
