//go:build linux

package load

import (
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The generator's hot calls are raw: they never block, and the thread is the goroutine's own.

func recv(fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

func send(fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	return int(n), errno
}

// epollWait blocks the thread and, in one-thread runs, the whole scheduler: nothing else runs there.
func epollWait(ep int, events []unix.EpollEvent, timeoutMs int) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep),
		uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)),
		uintptr(timeoutMs), 0, 0)
	return int(n), errno
}

func sockaddr(addr string) (*unix.SockaddrInet4, error) {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, fmt.Errorf("load: address %q: %w", addr, err)
	}
	ip := ap.Addr().Unmap()
	if !ip.Is4() {
		return nil, fmt.Errorf("load: address %q is not IPv4", addr)
	}
	return &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ip.As4()}, nil
}

func newSocket(flags int) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|flags, unix.IPPROTO_TCP)
	if err != nil {
		return -1, fmt.Errorf("load: socket: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("load: TCP_NODELAY: %w", err)
	}
	return fd, nil
}

// slowLine makes loopback resemble a slow line: a small receive buffer, and segments of Ethernet's
// size, without which the server's kernel would take megabytes for each peer at once.
func slowLine(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, slowReceiveBuffer); err != nil {
		return fmt.Errorf("load: SO_RCVBUF: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG, 1448); err != nil {
		return fmt.Errorf("load: TCP_MAXSEG: %w", err)
	}
	return nil
}

// dial connects and waits. Over loopback that lasts until the server's queue takes the connection,
// which is what keeps thousands of them from flooding it.
func dial(to *unix.SockaddrInet4, slow bool) (int, error) {
	fd, err := newSocket(0)
	if err != nil {
		return -1, err
	}
	if slow {
		if err := slowLine(fd); err != nil {
			unix.Close(fd)
			return -1, err
		}
	}
	timeout := unix.Timeval{Sec: 10}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &timeout); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("load: SO_SNDTIMEO: %w", err)
	}
	for {
		switch err := unix.Connect(fd, to); err {
		case nil, unix.EISCONN:
			return fd, nil
		case unix.EINTR, unix.EALREADY:
		default:
			unix.Close(fd)
			return -1, fmt.Errorf("load: connect: %w", err)
		}
	}
}

func watch(ep, fd int, id int32) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET,
		Fd: id}
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("load: epoll_ctl: %w", err)
	}
	return nil
}
