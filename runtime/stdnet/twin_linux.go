//go:build linux

package stdnet

import (
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// canLeave tells whether connections can go from a loop to the netpoller.
const canLeave = true

// twin makes a connection of package net for the socket of one on a loop. Both
// exist until one of them is closed, which the other does not notice.
func (r *ring) twin() (socket, error) {
	fd := -1
	var before tcpOptions
	err := r.call(func(r *ring) (err error) {
		if fd, err = r.duplicate(); err == nil {
			before.read(fd)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	before.restore(c.(syscall.Conn))
	return c.(socket), nil
}

// tcpOptions are those that package net sets on every connection that it makes.
type tcpOptions [5]int

var tcpOptionNames = [len(tcpOptions{})][2]int{
	{unix.IPPROTO_TCP, unix.TCP_NODELAY},
	{unix.SOL_SOCKET, unix.SO_KEEPALIVE},
	{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE},
	{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL},
	{unix.IPPROTO_TCP, unix.TCP_KEEPCNT},
}

// read notes the options of a socket; those that it does not have are -1.
func (o *tcpOptions) read(fd int) {
	for i, name := range tcpOptionNames {
		v, err := unix.GetsockoptInt(fd, name[0], name[1])
		if err != nil {
			v = -1
		}
		o[i] = v
	}
}

// restore sets what has changed since read.
func (o *tcpOptions) restore(c syscall.Conn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		var now tcpOptions
		now.read(int(fd))
		for i, name := range tcpOptionNames {
			if o[i] != now[i] && o[i] >= 0 {
				_ = unix.SetsockoptInt(int(fd), name[0], name[1], o[i])
			}
		}
	})
}
