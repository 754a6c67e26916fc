package portable

import (
	"errors"
	"net"
	"syscall"

	"github.com/headrace/headrace/runtime/driver"
	osock "github.com/headrace/headrace/runtime/driver/sock"
)

// Unsent implements [driver.Unsenter].
func (e *engine) Unsent(id driver.Socket) (n int, err error) {
	s := e.lookup(id)
	if s == nil || s.closing != nil {
		return 0, net.ErrClosed
	}
	c, ok := s.conn.(syscall.Conn)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, bare(err)
	}
	if failed := raw.Control(func(fd uintptr) { n, err = osock.Unsent(int(fd)) }); failed != nil {
		return 0, bare(failed)
	}
	return n, err
}

var _ driver.Unsenter = (*engine)(nil)
