//go:build linux

package sock

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
)

// Detached is a socket between two engines. Exactly one of Close and [FromAny]
// gets the descriptor. Both may be called from any goroutine.
type Detached struct {
	fd atomic.Int64 // descriptor + 1, 0 when it is gone

	// What the kernel does not tell of the descriptor. The engine that detaches sets it,
	// before it gives d away.
	Shared     bool // others may hold descriptors of the same socket
	ReadClosed bool // CloseRead was called
}

var _ io.Closer = (*Detached)(nil)

// Detach wraps fd, which it owns from now on.
func Detach(fd int) *Detached {
	d := &Detached{}
	d.fd.Store(int64(fd) + 1)
	return d
}

func (d *Detached) take() (int, error) {
	fd := d.fd.Swap(0) - 1
	if fd < 0 {
		return -1, net.ErrClosed
	}
	return int(fd), nil
}

// Close closes the socket, or returns net.ErrClosed if it is gone.
func (d *Detached) Close() error {
	fd, err := d.take()
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// FromAny takes the descriptor out of d, which is a *[Detached], or an *os.File,
// net.Conn, net.Listener or net.PacketConn with a descriptor below. The caller
// owns fd, and d is closed; a listener's path stays. On error d is as it was.
//
// The descriptor is close-on-exec and as blocking as it was in d: sockets of
// package net do not block. Errors: EAFNOSUPPORT for a socket of a network that
// [Network] does not know, ENOTSOCK, net.ErrClosed, the errno of fcntl(2), or one
// for which errors.Is(err, errors.ErrUnsupported) holds for other types.
func FromAny(d driver.Detached) (fd int, err error) {
	switch v := d.(type) {
	case *Detached:
		return v.take()
	case syscall.Conn: // *os.File, and what package net has
		if fd, err = dup(v); err != nil {
			return -1, err
		}
	default:
		return -1, fmt.Errorf("sock: attach %T: %w", d, errors.ErrUnsupported)
	}
	if err := supported(fd); err != nil {
		unix.Close(fd)
		return -1, err
	}
	if l, ok := d.(interface{ SetUnlinkOnClose(bool) }); ok {
		l.SetUnlinkOnClose(false)
	}
	if c, ok := d.(io.Closer); ok {
		_ = c.Close() // the socket lives on in fd, whatever this says
	}
	return fd, nil
}

// supported tells whether fd is a socket of a network that we know.
func supported(fd int) error {
	if _, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil {
		return err
	}
	if Network(fd) == "" {
		return unix.EAFNOSUPPORT
	}
	return nil
}

func dup(c syscall.Conn) (int, error) {
	if f, ok := c.(*os.File); ok && f == nil {
		return -1, os.ErrInvalid
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd, dupErr := -1, error(nil)
	if err := raw.Control(func(old uintptr) {
		fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
	}); err != nil {
		return -1, err
	}
	return fd, dupErr
}
