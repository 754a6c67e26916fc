//go:build linux

package runtime

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver/sock"
)

// tcpClose is TCP_CLOSE of the kernel's socket states: nothing can come or go.
const tcpClose = 7

// wasReset returns ECONNRESET if the connection is gone for the system, though we
// have not ended it. The kernel forgets a reset (sk_err) with the first call that
// it tells: when that was a send, receives end as after a FIN.
func (c *Conn) wasReset() (err error) {
	_ = c.loop.engine.Control(c.sock, func(fd uintptr) {
		if isGone(int(fd)) {
			err = syscall.ECONNRESET
		}
	})
	return err
}

// isGone reports whether a TCP connection has come to its end for the system.
func isGone(fd int) bool {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	return err == nil && info.State == tcpClose
}

// isHungUp reports whether both ways of a Unix connection are shut, which its peer's close
// does.
func isHungUp(fd int) bool {
	return sock.Ready(fd, 0)&unix.POLLHUP != 0 && sock.Family(fd) == unix.AF_UNIX
}

// untaken returns how many bytes the peer's system has not acknowledged, FIN
// counting as one, or why it never will. What is not TCP has delivered all.
func (c *Conn) untaken() (n int, err error) {
	_ = c.loop.engine.Control(c.sock, func(fd uintptr) {
		info, failed := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if failed != nil {
			return
		}
		if n, _ = sock.Queued(int(fd)); n > 0 && info.State == tcpClose {
			err = c.opErr("write", "send", syscall.ECONNRESET)
		}
	})
	return n, err
}

// lookShut finds out whether an adopted connection was shut down for writing by
// its owner before: a send of nothing tells (EPIPE), and sends nothing.
func (c *Conn) lookShut() {
	var err error
	_ = c.loop.engine.Control(c.sock, func(fd uintptr) {
		kind, failed := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TYPE)
		if failed != nil || kind != unix.SOCK_STREAM {
			return // nothing would be an empty message
		}
		_, err = unix.SendmsgN(int(fd), nil, nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		if err == unix.EPIPE && (isGone(int(fd)) || isHungUp(int(fd))) {
			err = nil // or its peer ended it, first one way and then both: a send will tell
		}
	})
	switch {
	case err == nil, errors.Is(err, syscall.EAGAIN):
	case errors.Is(err, syscall.EPIPE):
		c.state |= stShutWrite | stWriteShut
	default: // a reset, told now and never again
		c.err = c.opErr("write", "send", err)
		c.state |= stFailed
		c.markReady()
	}
}
