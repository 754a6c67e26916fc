//go:build linux

package epoll

import (
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// acceptsPerTurn is few enough that connections which are served do not wait
// long behind those which come.
const acceptsPerTurn = 16

// accept takes connections and tells whether the operation came to its end.
func (e *engine) accept(index uint32, s *socket, slot uint32) bool {
	for range acceptsPerTurn {
		fd, errno := accept(s.fd)
		switch {
		case errno == 0:
			conn, err := e.adopt(fd, s.kind, s.flags&lingers)
			if err != nil {
				unix.Close(fd)
				e.fail(slot, err)
				return true
			}
			e.emit(slot, driver.Result{Socket: driver.Socket(conn)})
		case errno == unix.EAGAIN:
			e.empty(index, s)
			return false
		case sock.AcceptAgain(errno):
		default:
			e.fail(slot, errno)
			return true
		}
	}
	return false
}
