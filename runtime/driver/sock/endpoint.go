//go:build linux

package sock

import (
	"net"

	"golang.org/x/sys/unix"
)

type kind uint8

const (
	kindNone kind = iota // nil, also inside the interface
	kindInet
	kindUnix
)

// endpoint is a net.Addr taken apart.
type endpoint struct {
	kind kind
	ip   net.IP
	port int
	name string // zone, or name of a unix socket
}

// endpointOf reports false for a type that is not of package net.
func endpointOf(addr net.Addr) (endpoint, bool) {
	switch a := addr.(type) {
	case nil:
		return endpoint{}, true
	case *net.TCPAddr:
		if a == nil {
			return endpoint{}, true
		}
		return endpoint{kind: kindInet, ip: a.IP, port: a.Port, name: a.Zone}, true
	case *net.UDPAddr:
		if a == nil {
			return endpoint{}, true
		}
		return endpoint{kind: kindInet, ip: a.IP, port: a.Port, name: a.Zone}, true
	case *net.UnixAddr:
		if a == nil {
			return endpoint{}, true
		}
		return endpoint{kind: kindUnix, name: a.Name}, true
	}
	return endpoint{}, false
}

// any tells whether ep leaves the local address to the kernel.
func (ep *endpoint) any() bool {
	return ep.kind == kindNone || ep.kind == kindInet && (len(ep.ip) == 0 || ep.ip.IsUnspecified())
}

// is4 tells whether an IPv4 socket serves ep.
func (ep *endpoint) is4() bool {
	return ep.kind == kindNone || ep.kind == kindInet && (len(ep.ip) == 0 || ep.ip.To4() != nil)
}

// familyOf chooses the address family for a socket between two addresses and
// whether it is to be closed to IPv4, by the rules of package net.
func familyOf(network string, local, remote net.Addr) (family int, v6only bool) {
	if isUnix(network) {
		return unix.AF_UNIX, false
	}
	switch network[max(len(network)-1, 0):] {
	case "4":
		return unix.AF_INET, false
	case "6":
		return unix.AF_INET6, true
	}
	l, _ := endpointOf(local)
	r, _ := endpointOf(remote)
	if l.is4() && r.is4() {
		return unix.AF_INET, false
	}
	return unix.AF_INET6, false
}

func isUnix(network string) bool {
	switch network {
	case "unix", "unixpacket", "unixgram":
		return true
	}
	return false
}

// typeOf returns type and protocol for socket(2). The protocol of TCP is said
// aloud because package net would choose MPTCP for a listener, whose connections
// can not do zero-copy sends.
func typeOf(network string) (typ, proto int, err error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
		return unix.SOCK_STREAM, unix.IPPROTO_TCP, nil
	case "udp", "udp4", "udp6":
		return unix.SOCK_DGRAM, unix.IPPROTO_UDP, nil
	case "unix":
		return unix.SOCK_STREAM, 0, nil
	case "unixpacket":
		return unix.SOCK_SEQPACKET, 0, nil
	case "unixgram":
		return unix.SOCK_DGRAM, 0, nil
	}
	return 0, 0, net.UnknownNetworkError(network)
}

// Network returns the network of a socket, in the words of package net without
// the 4 or 6: tcp, udp, unix, unixpacket or unixgram; "" for other sockets and
// for descriptors that are none.
func Network(fd int) string {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return ""
	}
	typ, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return ""
	}
	inet := domain == unix.AF_INET || domain == unix.AF_INET6
	switch {
	case inet && typ == unix.SOCK_STREAM:
		return "tcp"
	case inet && typ == unix.SOCK_DGRAM:
		return "udp"
	case domain != unix.AF_UNIX:
		return ""
	case typ == unix.SOCK_STREAM:
		return "unix"
	case typ == unix.SOCK_SEQPACKET:
		return "unixpacket"
	case typ == unix.SOCK_DGRAM:
		return "unixgram"
	}
	return ""
}
