//go:build linux

package sock

import (
	"errors"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
)

// LocalAddr returns the address that the socket is bound to, nil if there is none.
func LocalAddr(fd int) net.Addr { return nameOf(unix.SYS_GETSOCKNAME, fd) }

// RemoteAddr returns the address of the peer, nil if there is none.
func RemoteAddr(fd int) net.Addr { return nameOf(unix.SYS_GETPEERNAME, fd) }

func nameOf(call uintptr, fd int) net.Addr {
	var sa Sockaddr
	n := uint32(unix.SizeofSockaddrAny)
	_, _, errno := unix.RawSyscall(call, uintptr(fd),
		uintptr(unsafe.Pointer(&sa.raw)), uintptr(unsafe.Pointer(&n)))
	if errno != 0 {
		return nil
	}
	return Decode(Network(fd), &sa.raw, n)
}

// CloseWrite ends the sending side: shutdown(2), SHUT_WR.
func CloseWrite(fd int) error { return unix.Shutdown(fd, unix.SHUT_WR) }

// CloseRead ends the receiving side: shutdown(2), SHUT_RD. On TCP it tells the
// peer nothing, and bytes that are in the queue or still come can be received.
func CloseRead(fd int) error { return unix.Shutdown(fd, unix.SHUT_RD) }

// SetOption sets opt. EINVAL for an unknown one; the errno of setsockopt(2), as
// EOPNOTSUPP or ENOPROTOOPT where the protocol has no such option.
//
// With [driver.Linger] above zero close(2) waits for the peer even on a
// non-blocking socket; who closes on a loop takes care.
func SetOption(fd int, opt driver.Option, value int) error {
	switch opt {
	case driver.NoDelay:
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, value)
	case driver.KeepAlive:
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, value)
	case driver.KeepAliveIdle:
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, value)
	case driver.KeepAliveInterval:
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, value)
	case driver.KeepAliveCount:
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, value)
	case driver.Linger:
		l := unix.Linger{}
		if value >= 0 {
			l = unix.Linger{Onoff: 1, Linger: int32(value)}
		}
		return unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &l)
	case driver.ReadBuffer:
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, value)
	case driver.WriteBuffer:
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, value)
	}
	return unix.EINVAL
}

// Lingers tells whether close(2) of the socket would wait for the peer.
func Lingers(fd int) bool {
	var l unix.Linger
	n := uint32(unsafe.Sizeof(l))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_LINGER,
		uintptr(unsafe.Pointer(&l)), uintptr(unsafe.Pointer(&n)), 0)
	return errno == 0 && l.Onoff != 0 && l.Linger > 0
}

// Reset makes the close(2) that follows send a reset, where the protocol has one.
func Reset(fd int) error { return SetOption(fd, driver.Linger, 0) }

// SocketError returns and clears the pending error of the socket (SO_ERROR): how
// a connect that was in progress ended. It is nil or a bare errno.
func SocketError(fd int) error {
	value, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	if value != 0 {
		return unix.Errno(value)
	}
	return nil
}

// Queued returns how many bytes the socket's send queue holds: what the peer has
// not acknowledged, on TCP (SIOCOUTQ), or not received.
func Queued(fd int) (int, error) { return unix.IoctlGetInt(fd, unix.SIOCOUTQ) }

// Unsent looks at the socket's send queue.
func Unsent(fd int) (u driver.Unsent, err error) {
	if u.Bytes, err = Queued(fd); err != nil {
		return u, err
	}
	if info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
		u.Acked = info.Bytes_acked
	}
	return u, nil
}

// Family returns the address family of the socket, AF_UNSPEC if there is none.
func Family(fd int) int {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return unix.AF_UNSPEC
	}
	return domain
}

// IsListener tells whether the socket listens (SO_ACCEPTCONN).
func IsListener(fd int) bool {
	v, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	return err == nil && v != 0
}

// Exhausted tells whether err means a lack of descriptors or memory, which ends a
// repeating accept but leaves the listener whole.
func Exhausted(err error) bool {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return false
	}
	switch errno {
	case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
		return true
	}
	return false
}

// Ready returns which of the events, POLLHUP and POLLERR hold now, by one poll(2). It does
// not block.
func Ready(fd int, events int16) int16 {
	p := []unix.PollFd{{Fd: int32(fd), Events: events}}
	if n, err := unix.Poll(p, 0); n <= 0 || err != nil {
		return 0
	}
	return p[0].Revents
}

// AcceptAgain tells whether err is about the connection that was to be accepted
// and not about the listener, so that accept goes on with the next one: the
// peer went away in the queue, or, on Linux, an error of its network came
// first (accept(2), "Error handling").
func AcceptAgain(err error) bool {
	switch err {
	case unix.EINTR, unix.ECONNABORTED, unix.EPROTO, unix.ENETDOWN, unix.ENOPROTOOPT, unix.EHOSTDOWN,
		unix.ENONET, unix.EHOSTUNREACH, unix.EOPNOTSUPP, unix.ENETUNREACH, unix.EPERM, unix.ETIMEDOUT:
		return true
	}
	return false
}
