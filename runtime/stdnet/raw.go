package stdnet

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// SyscallConn returns the raw connection, for calls that this package does not
// have. Its Control works wherever the connection is, on a loop with a duplicate
// of the descriptor. Its Read and Write take the connection to Go's netpoller for
// good, and see what the kernel has alone.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	return rawConn{c}, nil
}

type rawConn struct{ c *conn }

// Control implements syscall.RawConn.
func (r rawConn) Control(f func(fd uintptr)) error {
	c := r.c
	for {
		if std := c.hold(); std != nil {
			defer c.release()
			raw, err := std.SyscallConn()
			if err == nil {
				err = raw.Control(f)
			}
			return c.fix(err)
		}
		fd, err := c.duplicate()
		if err == errMove {
			continue
		}
		if err != nil {
			return c.setError("raw-control", err)
		}
		defer closeDescriptor(fd)
		f(uintptr(fd))
		return nil
	}
}

// Read implements syscall.RawConn.
func (r rawConn) Read(f func(fd uintptr) (done bool)) error {
	return r.settled("raw-read", &r.c.readDeadline, func(raw syscall.RawConn) error { return raw.Read(f) })
}

// Write implements syscall.RawConn.
func (r rawConn) Write(f func(fd uintptr) (done bool)) error {
	return r.settled("raw-write", &r.c.writeDeadline, func(raw syscall.RawConn) error { return raw.Write(f) })
}

func (r rawConn) settled(op string, until *limit, f func(syscall.RawConn) error) error {
	std, err := r.c.settle(until)
	if err != nil {
		return r.c.opError(op, err)
	}
	defer r.c.release()
	raw, err := std.SyscallConn()
	if err == nil {
		err = f(raw)
	}
	return r.c.fix(err)
}

// settle takes the connection to the netpoller for good, and holds it. A Read that
// waits on the loop steps aside, and then goes on waiting in the netpoller. It waits for
// a Write that waits, and for what is queued to be sent, until the deadline.
func (c *conn) settle(until *limit) (socket, error) {
	for {
		c.mu.Lock()
		c.flags |= stays
		std, r, closed := c.std, c.ring(), c.closed
		if std != nil {
			c.held++
		}
		c.mu.Unlock()
		switch {
		case std != nil:
			return std, nil
		case closed:
			return nil, net.ErrClosed
		case !canLeave || c.origin.home.portable:
			return nil, errors.ErrUnsupported
		}
		if err := r.stepAside(until); err != nil {
			return nil, err
		}
		if c.coolAside() {
			continue
		}
		time.Sleep(asideTime) // a Write has it, or the peer is slow
	}
}

// stepAside has Reads let others move the connection, unless it is too late.
func (r *ring) stepAside(until *limit) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leaving = !r.ended && !until.get().over()
	switch {
	case r.ended:
		return errEnded
	case !r.leaving:
		return os.ErrDeadlineExceeded
	}
	poke(r.reader)
	return nil
}

// coolAside is cool from outside Read. It reports whether the connection is in the
// netpoller.
func (c *conn) coolAside() bool {
	c.reading.Lock()
	defer c.reading.Unlock()
	if c.ring() != nil {
		c.cool()
	}
	return c.ring() == nil
}

// duplicate duplicates the descriptor of a connection on a loop.
func (c *conn) duplicate() (fd int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.std != nil:
		return -1, errMove
	case c.closed:
		return -1, net.ErrClosed
	}
	err = c.ring().call(func(r *ring) (err error) {
		fd, err = r.duplicate()
		return err
	})
	return fd, err
}

// duplicate is called on the loop.
func (r *ring) duplicate() (fd int, err error) {
	var failed error
	err = r.rc.Control(func(old uintptr) { fd, failed = duplicateDescriptor(old) })
	return fd, errors.Join(err, failed)
}

// File returns a copy of the socket as a file, to hand to another process. The
// caller closes it. It takes the connection to Go's netpoller for good, as SyscallConn's
// Read and Write do: from a loop nobody else could read, and who makes the file block
// (its Fd does) would block the loop.
func (c *conn) File() (*os.File, error) {
	std, err := c.settle(&c.writeDeadline)
	if err == nil {
		defer c.release()
		f, err := std.File()
		return f, c.fix(err)
	}
	if err != errors.ErrUnsupported {
		return nil, c.opError("file", err)
	}
	fd, err := c.duplicate()
	if err != nil {
		return nil, c.opError("file", err)
	}
	name := c.origin.network + ":" + c.moves.local.String() + "->" + c.moves.remote.String()
	return os.NewFile(uintptr(fd), name), nil
}
