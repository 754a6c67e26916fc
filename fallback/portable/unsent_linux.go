package portable

import (
	"errors"
	"net"
	"syscall"

	"github.com/headrace/headrace/runtime/driver"
	osock "github.com/headrace/headrace/runtime/driver/sock"
)

// Unsent implements [driver.Unsenter].
func (e *engine) Unsent(id driver.Socket) (u driver.Unsent, err error) {
	s := e.lookup(id)
	if s == nil || s.closing != nil {
		return u, net.ErrClosed
	}
	c, ok := s.conn.(syscall.Conn)
	if !ok {
		return u, errors.ErrUnsupported
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return u, bare(err)
	}
	if failed := raw.Control(func(fd uintptr) { u, err = osock.Unsent(int(fd)) }); failed != nil {
		return u, bare(failed)
	}
	return u, err
}

var _ driver.Unsenter = (*engine)(nil)
