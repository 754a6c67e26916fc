//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/.ci/kernels/guest"
)

// grace is what a job gets between SIGQUIT, at which a Go program prints its goroutines, and SIGKILL.
const grace = 5 * time.Second

// runJob runs one job to its end and says how long it took and why it failed, or guest.OK.
func runJob(j guest.Job, out *serial) (took time.Duration, reason string) {
	began := time.Now()
	err := execJob(j, out)
	took = time.Since(began)
	switch {
	case err == nil:
		return took, guest.OK
	case errors.Is(err, context.DeadlineExceeded):
		return took, fmt.Sprintf("timed out after %v", j.Timeout)
	default:
		return took, strings.ReplaceAll(err.Error(), "\n", " ")
	}
}

func execJob(j guest.Job, out *serial) error {
	ctx, cancel := context.WithTimeout(context.Background(), j.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, j.Argv[0], j.Argv[1:]...)
	cmd.Dir = j.Dir
	cmd.Env = append([]string{"PATH=/bin", "HOME=/tmp", "TMPDIR=/tmp", modulesEnv()}, j.Env...)
	// A group of its own, so that what a job leaves behind goes with it.
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGQUIT) }
	cmd.WaitDelay = grace

	stdout, stdoutEnd, err := os.Pipe()
	if err != nil {
		return err
	}
	stderr, stderrEnd, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = stdoutEnd, stderrEnd
	var copies sync.WaitGroup
	copies.Go(func() { copyLines(out, guest.Stdout, stdout) })
	copies.Go(func() { copyLines(out, guest.Stderr, stderr) })

	err = cmd.Run()
	if cmd.Process != nil {
		// ESRCH, nothing left, is the usual answer.
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
	}
	stdoutEnd.Close()
	stderrEnd.Close()
	copies.Wait() // ends: every writer is gone
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// copyLines marks every line of r and closes r at its end.
func copyLines(out *serial, mark string, r io.ReadCloser) {
	defer r.Close()
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if line != "" {
			out.line(mark + strings.TrimRight(line, "\r\n"))
		}
		if err != nil {
			return
		}
	}
}
