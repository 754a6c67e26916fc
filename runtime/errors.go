package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/headrace/headrace/ring/probe"
)

var (
	// ErrClosed is returned by a runtime or loop that was closed. It is
	// net.ErrClosed to errors.Is.
	ErrClosed error = &namedError{"headrace: runtime closed", net.ErrClosed}

	// ErrSlowPeer closes a connection whose peer took no byte for
	// Config.WriteTimeout, or after Close for Config.LingerTimeout, although some were
	// waiting. One that takes them slowly has not ended; nor has a file's disk.
	ErrSlowPeer error = &namedError{"headrace: peer too slow", os.ErrDeadlineExceeded}

	// ErrIdle closes a connection on which nothing moved for its idle time-out.
	ErrIdle error = &namedError{"headrace: connection idle too long", os.ErrDeadlineExceeded}

	// ErrReadTimeout closes a connection that received nothing for its read
	// time-out while it was reading.
	ErrReadTimeout error = &namedError{"headrace: nothing received in time", os.ErrDeadlineExceeded}

	// ErrUnsentLimit closes a connection with more than Config.UnsentMax bytes of
	// pooled memory waiting to be sent, or thousands of files and marks.
	ErrUnsentLimit = errors.New("headrace: too much unsent data")

	// ErrNoMemory is returned when Config.MaxMemory is used up. It ends a connection
	// whose stream would have a hole; a datagram is not sent, and its socket goes on.
	ErrNoMemory error = &namedError{"headrace: buffer memory used up", syscall.ENOBUFS}

	// ErrPanic closes a connection whose handler panicked.
	ErrPanic = errors.New("headrace: handler panicked")
)

// errNoAccept: who would get the connection?
var errNoAccept error = &namedError{"no function to accept connections", os.ErrInvalid}

// namedError is an error of ours that is also one everybody knows.
type namedError struct {
	text string
	is   error
}

func (e *namedError) Error() string   { return e.text }
func (e *namedError) Unwrap() error   { return e.is }
func (e *namedError) Timeout() bool   { return e.is == os.ErrDeadlineExceeded }
func (e *namedError) Temporary() bool { return e.Timeout() }

// BackendError says why an engine that was asked for can not run. Errors.Is finds
// the errno in it, and errors.ErrUnsupported where the system lacks or forbids what
// the engine needs: not where it merely failed, as for want of descriptors.
type BackendError struct {
	Backend  Backend
	Decision probe.Decision
	Err      error // what opening it said, if it came to that
}

// Error names the engine and the reason.
func (e *BackendError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("backend %s can not run: %v", e.Backend, e.Err)
	}
	return fmt.Sprintf("backend %s can not run: %s", e.Backend, e.Decision.Reason)
}

// Unwrap returns the engine's own error or, if it never came to open, the
// decision's.
func (e *BackendError) Unwrap() error {
	if e.Err != nil {
		return e.Err
	}
	return e.Decision.Err()
}

// opError dresses an engine's error as package net does.
func opError(op, call, network string, source, addr net.Addr, err error) error {
	var already *net.OpError
	switch {
	case err == nil, err == io.EOF, errors.As(err, &already):
		return err
	}
	if errno, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError(call, errno)
	}
	return &net.OpError{Op: op, Net: network, Source: source, Addr: addr, Err: err}
}

// contextError is a context's error as package net returns it from Dial: it is
// os.ErrDeadlineExceeded and context.DeadlineExceeded, or context.Canceled.
func contextError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &timeoutError{}
	}
	return err
}

type timeoutError struct{}

func (*timeoutError) Error() string   { return "i/o timeout" }
func (*timeoutError) Timeout() bool   { return true }
func (*timeoutError) Temporary() bool { return true }
func (*timeoutError) Is(target error) bool {
	return target == os.ErrDeadlineExceeded || target == context.DeadlineExceeded
}
