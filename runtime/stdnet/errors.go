package stdnet

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
)

// errNoRuntime is for configurations without what they are for.
var errNoRuntime = errors.New("no Runtime to listen or dial with")

// opError dresses an error as package net does. The end of the stream stays bare.
func (c *conn) opError(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if err == errEnded && op == "close" {
		err = os.NewSyscallError("shutdown", syscall.ENOTCONN)
	}
	return &net.OpError{Op: op, Net: c.origin.network, Source: c.moves.local, Addr: c.moves.remote, Err: err}
}

// readError is opError for Read, with reading held. That the deadline has passed is
// always the same error: net/http brings it about once per request, to get its
// background read back.
func (c *conn) readError(err error) error {
	if err != os.ErrDeadlineExceeded {
		return c.opError("read", err)
	}
	if c.moves.late == nil {
		c.moves.late = c.opError("read", err)
	}
	return c.moves.late
}

// setError is what package net's Set methods of connections answer.
func (c *conn) setError(op string, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: op, Net: c.origin.network, Addr: c.moves.local, Err: err}
}

// fix gives an error of package net the names that the connection had before it
// moved.
func (c *conn) fix(err error) error {
	if err == nil || c.moves == nil {
		return err
	}
	op, ok := err.(*net.OpError)
	if !ok {
		return err
	}
	fixed := *op
	fixed.Net = c.origin.network
	if op.Source != nil {
		fixed.Source = c.moves.local
		fixed.Addr = c.moves.remote
	} else if op.Addr != nil {
		fixed.Addr = c.moves.local
	}
	return &fixed
}

// fixCopy is fix for a copy, whose error may be that of the other side.
func (c *conn) fixCopy(err error, ours ...string) error {
	if op, ok := err.(*net.OpError); ok && slices.Contains(ours, op.Op) {
		return c.fix(err)
	}
	return err
}

// cause takes the errno out of an error of the runtime, or what else is in it.
func cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	if errors.Is(err, net.ErrClosed) {
		return net.ErrClosed
	}
	return err
}

// system names the call that an errno came from.
func system(call string, err error) error {
	if errno, ok := err.(syscall.Errno); ok {
		return os.NewSyscallError(call, errno)
	}
	return err
}
