//go:build linux

package probe

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// address is a raw sockaddr in the arena, where the kernel may read it.
type address struct {
	ptr  unsafe.Pointer
	size uint32
}

// socketType closes on exec, as every descriptor here: a program may start others
// while the probe runs.
const socketType = unix.SOCK_STREAM | unix.SOCK_CLOEXEC

// listenLoopback makes a TCP listener on a free loopback port, and the socket to
// connect to it with. IPPROTO_TCP is said aloud so that no MPTCP socket comes back.
func (t *trial) listenLoopback() (listener, client int, to address, err error) {
	raw := (*unix.RawSockaddrInet4)(unsafe.Pointer(unsafe.SliceData(t.take(unix.SizeofSockaddrInet4))))
	*raw = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: [4]byte{127, 0, 0, 1}}
	listener, client, err = socketTwice(unix.AF_INET, unix.IPPROTO_TCP)
	if err != nil {
		return -1, -1, to, err
	}
	name, err := bound(listener, &unix.SockaddrInet4{Addr: raw.Addr})
	if err != nil {
		closeAll(listener, client)
		return -1, -1, to, err
	}
	if in, ok := name.(*unix.SockaddrInet4); ok {
		port := (*[2]byte)(unsafe.Pointer(&raw.Port))
		port[0], port[1] = byte(in.Port>>8), byte(in.Port)
	}
	return listener, client, address{unsafe.Pointer(raw), unix.SizeofSockaddrInet4}, nil
}

// listenUnix is the same over AF_UNIX, for a network namespace whose loopback is
// down. The name is abstract and chosen by the kernel: no file is made.
func (t *trial) listenUnix() (listener, client int, to address, err error) {
	raw := (*unix.RawSockaddrUnix)(unsafe.Pointer(unsafe.SliceData(t.take(unix.SizeofSockaddrUnix))))
	*raw = unix.RawSockaddrUnix{Family: unix.AF_UNIX}
	listener, client, err = socketTwice(unix.AF_UNIX, 0)
	if err != nil {
		return -1, -1, to, err
	}
	name, err := bound(listener, &unix.SockaddrUnix{})
	if err != nil {
		closeAll(listener, client)
		return -1, -1, to, err
	}
	size := uint32(unsafe.Sizeof(raw.Family))
	if un, ok := name.(*unix.SockaddrUnix); ok && un.Name != "" {
		for i := range len(un.Name) {
			raw.Path[i] = int8(un.Name[i])
		}
		raw.Path[0] = 0 // x/sys writes the leading zero byte as '@'
		size += uint32(len(un.Name))
	}
	return listener, client, address{unsafe.Pointer(raw), size}, nil
}

func socketTwice(domain, proto int) (a, b int, err error) {
	if a, err = unix.Socket(domain, socketType, proto); err != nil {
		return -1, -1, err
	}
	if b, err = unix.Socket(domain, socketType, proto); err != nil {
		unix.Close(a)
		return -1, -1, err
	}
	return a, b, nil
}

func bound(listener int, to unix.Sockaddr) (unix.Sockaddr, error) {
	if err := unix.Bind(listener, to); err != nil {
		return nil, err
	}
	if err := unix.Listen(listener, 4); err != nil {
		return nil, err
	}
	return unix.Getsockname(listener)
}

// discard closes a connected socket at once, with a reset where there is TCP, so
// that no TIME_WAIT stays behind.
func discard(fd int) {
	if fd < 0 {
		return
	}
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // best effort
	unix.Close(fd)
}

func closeAll(fds ...int) {
	for _, fd := range fds {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}
