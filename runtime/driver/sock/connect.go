//go:build linux

package sock

import (
	"net"

	"golang.org/x/sys/unix"
)

// Connecting makes the socket for a connection to remote, and binds it to local
// if that is not nil, but does not connect it: the caller does, with [Connect] or
// a submitted operation, and sa. The network is that of package net, or "" for
// what remote says. Control, if not nil, is called with the descriptor before
// bind(2). TCP sockets get TCP_NODELAY.
//
// Errors are bare errnos, what control returned, or net.UnknownNetworkError; no
// descriptor is left behind.
func Connecting(network string, local, remote net.Addr, control func(fd uintptr) error,
	nonblock bool) (fd int, sa Sockaddr, err error) {
	if ep, ok := endpointOf(remote); !ok {
		return -1, sa, unix.EAFNOSUPPORT
	} else if ep.kind == kindNone {
		return -1, sa, unix.EDESTADDRREQ
	}
	if network == "" {
		network = remote.Network()
	}
	typ, proto, err := typeOf(network)
	if err != nil {
		return -1, sa, err
	}
	family, v6only := familyOf(network, local, remote)
	if err := sa.Set(family, remote); err != nil {
		return -1, sa, err
	}
	fd, err = socket(family, typ, proto, nonblock)
	if err != nil {
		return -1, sa, err
	}
	if err := prepareConnect(fd, family, proto, v6only, local, control); err != nil {
		unix.Close(fd)
		return -1, sa, err
	}
	return fd, sa, nil
}

func prepareConnect(fd, family, proto int, v6only bool, local net.Addr,
	control func(fd uintptr) error) error {
	set := optSetter{fd: fd}
	if family == unix.AF_INET6 {
		set.bool(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, v6only)
	}
	switch proto {
	case unix.IPPROTO_TCP:
		set.bool(unix.IPPROTO_TCP, unix.TCP_NODELAY, true)
	case unix.IPPROTO_UDP:
		set.bool(unix.SOL_SOCKET, unix.SO_BROADCAST, true)
	}
	if set.err != nil {
		return set.err
	}
	if control != nil {
		if err := control(uintptr(fd)); err != nil {
			return err
		}
	}
	ep, ok := endpointOf(local)
	if !ok {
		return unix.EAFNOSUPPORT
	}
	if ep.kind == kindNone {
		return nil
	}
	if proto == unix.IPPROTO_TCP && ep.port == 0 {
		// Let connect(2) choose the port, when it knows the peer: bind(2) would
		// take one for this socket alone. Since Linux 4.2; a hint.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	}
	var sa Sockaddr
	if err := sa.Set(family, local); err != nil {
		return err
	}
	return Bind(fd, &sa)
}

// socket makes a socket that is not inherited across exec.
func socket(family, typ, proto int, nonblock bool) (int, error) {
	typ |= unix.SOCK_CLOEXEC
	if nonblock {
		typ |= unix.SOCK_NONBLOCK
	}
	return unix.Socket(family, typ, proto)
}

// Bind is bind(2).
func Bind(fd int, sa *Sockaddr) error {
	_, _, errno := unix.Syscall(unix.SYS_BIND, uintptr(fd), uintptr(sa.Pointer()), uintptr(sa.len))
	if errno != 0 {
		return errno
	}
	return nil
}

// Connect is connect(2): on a non-blocking socket EINPROGRESS means that the
// socket becomes writable when it is done, with the outcome in [SocketError]; on
// a non-blocking unix socket EAGAIN means that the listener's queue is full.
// On a blocking socket it blocks.
func Connect(fd int, sa *Sockaddr) error {
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(sa.Pointer()), uintptr(sa.len))
	if errno != 0 {
		return errno
	}
	return nil
}
