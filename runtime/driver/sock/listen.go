//go:build linux

package sock

import (
	"errors"
	"math"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
)

// Listen makes a listening socket, or a bound datagram socket, close-on-exec.
//
// The rules are those of package net: tcp and udp on no address or an
// unspecified one take both IPv4 and IPv6 where the system has both, tcp6 and
// udp6 are closed to IPv4; stream sockets get SO_REUSEADDR. TCP sockets are never
// MPTCP, and have TCP_NODELAY set, which accepted sockets inherit, as they do
// every option that the owner sets on the listener later.
//
// A unix path that exists is EADDRINUSE, whether somebody listens on it or not:
// removing it, before or after, is for who knows whose it is. No unix address
// means an abstract name of the kernel's choice.
//
// A nil cfg is the zero one. Errors are *os.SyscallError around the errno, what
// cfg.Control returned, or net.UnknownNetworkError; no descriptor is left behind.
func Listen(network string, addr net.Addr, cfg *driver.ListenConfig, nonblock bool) (int, error) {
	if cfg == nil {
		cfg = &driver.ListenConfig{}
	}
	typ, proto, err := typeOf(network)
	if err != nil {
		return -1, err
	}
	ep, ok := endpointOf(addr)
	if !ok {
		return -1, os.NewSyscallError("bind", unix.EAFNOSUPPORT)
	}
	l := listener{network: network, typ: typ, proto: proto, ep: ep, cfg: cfg, nonblock: nonblock}
	l.family, l.v6only = familyOf(network, addr, nil)
	both := l.family != unix.AF_UNIX && !l.v6only && ep.any() && network[len(network)-1] != '4'
	if !both {
		return l.open()
	}
	// One socket for both families, where the system has IPv6 at all.
	l.family = unix.AF_INET6
	fd, err := l.open()
	if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL) {
		if ep.is4() {
			l.family = unix.AF_INET
			return l.open()
		}
	}
	return fd, err
}

// listener is one attempt of Listen.
type listener struct {
	network          string
	family           int
	typ, proto       int
	v6only, nonblock bool
	ep               endpoint
	cfg              *driver.ListenConfig
}

func (l *listener) open() (int, error) {
	fd, err := socket(l.family, l.typ, l.proto, l.nonblock)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := l.prepare(fd); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (l *listener) prepare(fd int) error {
	if err := l.setOptions(fd); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if l.cfg.Control != nil {
		if err := l.cfg.Control(uintptr(fd)); err != nil {
			return err
		}
	}
	var sa Sockaddr
	if err := l.bindAddr(&sa); err != nil {
		return os.NewSyscallError("bind", err)
	}
	if err := Bind(fd, &sa); err != nil {
		return os.NewSyscallError("bind", err)
	}
	if l.anyPort() && l.cfg.ReusePort {
		set := optSetter{fd: fd}
		if set.bool(unix.SOL_SOCKET, unix.SO_REUSEPORT, true); set.err != nil {
			return os.NewSyscallError("setsockopt", set.err)
		}
	}
	if l.typ == unix.SOCK_DGRAM {
		return nil
	}
	backlog := l.cfg.Backlog
	if backlog <= 0 {
		backlog = math.MaxInt32 // the kernel cuts it down to net.core.somaxconn
	}
	return os.NewSyscallError("listen", unix.Listen(fd, backlog))
}

// bindAddr makes the address to bind: no address is the family's any.
func (l *listener) bindAddr(sa *Sockaddr) error {
	ep := l.ep
	if l.typ == unix.SOCK_DGRAM && ep.kind == kindInet && ep.ip.IsMulticast() {
		ep.ip = nil // as package net: groups are joined, not bound
	}
	switch {
	case l.family == unix.AF_UNIX && ep.kind != kindInet:
		return sa.setUnix(ep.name)
	case l.family == unix.AF_UNIX || ep.kind == kindUnix:
		return unix.EAFNOSUPPORT
	case ep.port < 0 || ep.port > math.MaxUint16:
		return unix.EINVAL
	case l.family == unix.AF_INET:
		return sa.setInet4(&ep)
	}
	return sa.setInet6(&ep)
}

// anyPort reports whether the kernel chooses a port for datagrams: with SO_REUSEPORT it
// would take one that another socket of the same user shares, so that comes after bind.
func (l *listener) anyPort() bool { return l.proto == unix.IPPROTO_UDP && l.ep.port == 0 }

func (l *listener) setOptions(fd int) error {
	var set optSetter
	set.fd = fd
	if l.family == unix.AF_INET6 {
		set.bool(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, l.v6only)
	}
	if l.typ != unix.SOCK_DGRAM || l.ep.ip.IsMulticast() {
		set.bool(unix.SOL_SOCKET, unix.SO_REUSEADDR, true)
	}
	if l.cfg.ReusePort && !l.anyPort() {
		set.bool(unix.SOL_SOCKET, unix.SO_REUSEPORT, true)
	}
	if l.proto == unix.IPPROTO_TCP {
		set.bool(unix.IPPROTO_TCP, unix.TCP_NODELAY, true)
	}
	if l.proto == unix.IPPROTO_UDP {
		set.bool(unix.SOL_SOCKET, unix.SO_BROADCAST, true)
		set.datagram(l.family, l.cfg)
	}
	return set.err
}

// datagram asks for control messages. A socket for both families needs both
// spellings, since the kernel answers by the family of each datagram.
func (s *optSetter) datagram(family int, cfg *driver.ListenConfig) {
	v6 := family == unix.AF_INET6
	for _, o := range []struct {
		want   bool
		v4, v6 int
	}{
		{cfg.PacketInfo, unix.IP_PKTINFO, unix.IPV6_RECVPKTINFO},
		{cfg.TOS, unix.IP_RECVTOS, unix.IPV6_RECVTCLASS},
		{cfg.TTL, unix.IP_RECVTTL, unix.IPV6_RECVHOPLIMIT},
	} {
		if !o.want {
			continue
		}
		s.bool(unix.IPPROTO_IP, o.v4, true)
		if v6 {
			s.bool(unix.IPPROTO_IPV6, o.v6, true)
		}
	}
	if cfg.GRO {
		// Since Linux 5.0, and only a hint: without it datagrams come one by one.
		_ = unix.SetsockoptInt(s.fd, unix.SOL_UDP, unix.UDP_GRO, 1)
	}
}

// optSetter sets options until the first error.
type optSetter struct {
	fd  int
	err error
}

func (s *optSetter) bool(level, opt int, on bool) {
	value := 0
	if on {
		value = 1
	}
	if s.err == nil {
		s.err = unix.SetsockoptInt(s.fd, level, opt, value)
	}
}
