//go:build unix

package portable

import (
	"net"
	"syscall"
)

// nowWriter writes to a connection as much as it takes at once.
type nowWriter struct {
	raw syscall.RawConn
	try func(fd uintptr) bool
	p   []byte
	n   int
	err error
}

func (w *nowWriter) init(conn net.Conn) {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := c.SyscallConn(); err == nil {
		w.raw, w.try = raw, w.once
	}
}

// write returns 0 and no error if it takes a wait, or package net, to write anything.
func (w *nowWriter) write(p []byte) (int, error) {
	if w.raw == nil {
		return 0, nil
	}
	w.p, w.n, w.err = p, 0, nil
	failed := w.raw.Write(w.try)
	w.p = nil
	if failed != nil {
		return 0, nil // the usual way meets it, too
	}
	return w.n, w.err
}

// once is one call of write(2): Go's sockets do not block.
func (w *nowWriter) once(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), w.p)
		switch err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
		default:
			w.n, w.err = max(0, n), err
		}
		return true
	}
}
