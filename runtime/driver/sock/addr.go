//go:build linux

package sock

import (
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sockaddr is the kernel's form of an address: storage and length.
//
// It does not move by itself: who gives Pointer to the kernel keeps the Sockaddr
// reachable, and unchanged, until the kernel is done with it. Copying is fine.
// The zero value is no address, with a nil Pointer.
type Sockaddr struct {
	raw unix.RawSockaddrAny
	len uint32
}

// Pointer returns the address of the storage, nil if there is no address.
func (sa *Sockaddr) Pointer() unsafe.Pointer {
	if sa.len == 0 {
		return nil
	}
	return unsafe.Pointer(&sa.raw)
}

// Len returns the length of the address in bytes.
func (sa *Sockaddr) Len() uint32 { return sa.len }

// Family returns AF_INET, AF_INET6, AF_UNIX, or AF_UNSPEC if there is no address.
func (sa *Sockaddr) Family() int { return int(sa.raw.Addr.Family) }

// Reset makes sa no address.
func (sa *Sockaddr) Reset() { *sa = Sockaddr{} }

// Encode returns addr in the kernel's form, for a socket of the given network:
// IPv4 addresses become v4-mapped ones on tcp6 and udp6. Unix names that begin
// with @ or NUL are abstract.
//
// Errors: EAFNOSUPPORT if the network can not reach addr, EINVAL for a port or a
// name out of range, ENODEV for an unknown zone, EDESTADDRREQ for no address.
func Encode(network string, addr net.Addr) (Sockaddr, error) {
	var sa Sockaddr
	family, _ := familyOf(network, nil, addr)
	err := sa.Set(family, addr)
	return sa, err
}

// Set makes sa the address addr as a socket of the given family takes it.
// It does not allocate. Errors are those of [Encode]; then sa is no address.
func (sa *Sockaddr) Set(family int, addr net.Addr) error {
	sa.Reset()
	ep, ok := endpointOf(addr)
	switch {
	case !ok:
		return unix.EAFNOSUPPORT
	case ep.kind == kindNone:
		return unix.EDESTADDRREQ
	case ep.kind == kindUnix:
		if family != unix.AF_UNIX {
			return unix.EAFNOSUPPORT
		}
		return sa.setUnix(ep.name)
	case ep.port < 0 || ep.port > 0xffff:
		return unix.EINVAL
	case family == unix.AF_INET:
		return sa.setInet4(&ep)
	case family == unix.AF_INET6:
		return sa.setInet6(&ep)
	}
	return unix.EAFNOSUPPORT
}

func (sa *Sockaddr) setInet4(ep *endpoint) error {
	ip := ep.ip.To4()
	if ip == nil && len(ep.ip) != 0 {
		return unix.EAFNOSUPPORT
	}
	p := (*unix.RawSockaddrInet4)(unsafe.Pointer(&sa.raw))
	p.Family = unix.AF_INET
	putPort(&p.Port, ep.port)
	copy(p.Addr[:], ip)
	sa.len = unix.SizeofSockaddrInet4
	return nil
}

func (sa *Sockaddr) setInet6(ep *endpoint) error {
	zone, err := zoneIndex(ep.name)
	if err != nil {
		return err
	}
	p := (*unix.RawSockaddrInet6)(unsafe.Pointer(&sa.raw))
	switch ip4 := ep.ip.To4(); {
	case ip4 != nil && !ip4.IsUnspecified():
		p.Addr[10], p.Addr[11] = 0xff, 0xff
		copy(p.Addr[12:], ip4)
	case ip4 == nil && len(ep.ip) == net.IPv6len:
		copy(p.Addr[:], ep.ip)
	case ip4 == nil && len(ep.ip) != 0:
		return unix.EINVAL
	}
	p.Family = unix.AF_INET6
	putPort(&p.Port, ep.port)
	p.Scope_id = zone
	sa.len = unix.SizeofSockaddrInet6
	return nil
}

// sizeofFamily is where the path begins in struct sockaddr_un.
const sizeofFamily = 2

func (sa *Sockaddr) setUnix(name string) error {
	p := (*unix.RawSockaddrUnix)(unsafe.Pointer(&sa.raw))
	abstract := name != "" && (name[0] == '@' || name[0] == 0)
	switch {
	case len(name) > len(p.Path), len(name) == len(p.Path) && !abstract:
		return unix.EINVAL
	case !abstract && hasNUL(name):
		return unix.EINVAL
	}
	p.Family = unix.AF_UNIX
	for i := range len(name) {
		p.Path[i] = int8(name[i])
	}
	sa.len = sizeofFamily + uint32(len(name))
	switch {
	case abstract:
		p.Path[0] = 0
	case name != "":
		sa.len++ // the NUL
	}
	return nil
}

func hasNUL(s string) bool {
	for i := range len(s) {
		if s[i] == 0 {
			return true
		}
	}
	return false
}

// putPort and getPort: ports are in network byte order on every machine.
func putPort(dst *uint16, port int) {
	b := (*[2]byte)(unsafe.Pointer(dst))
	b[0], b[1] = byte(port>>8), byte(port)
}

func getPort(src *uint16) int {
	b := (*[2]byte)(unsafe.Pointer(src))
	return int(b[0])<<8 | int(b[1])
}

// Addr returns the address for a socket of the given network, nil if sa is none.
func (sa *Sockaddr) Addr(network string) net.Addr { return Decode(network, &sa.raw, sa.len) }

// Decode returns the address in sa, of which the kernel wrote n bytes, as package
// net would for a socket of the given network. V4-mapped addresses become IPv4
// ones, abstract names begin with @, an unnamed unix socket has the name "".
// It returns nil if sa is nil, cut short, or not of the network's family.
func Decode(network string, sa *unix.RawSockaddrAny, n uint32) net.Addr {
	if sa == nil || n < sizeofFamily || n > unix.SizeofSockaddrAny {
		return nil
	}
	switch {
	case sa.Addr.Family == unix.AF_UNIX && isUnix(network):
		return &net.UnixAddr{Name: unixName(sa, n), Net: network}
	case sa.Addr.Family == unix.AF_INET && n >= unix.SizeofSockaddrInet4:
		p := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		ip := make(net.IP, net.IPv4len)
		copy(ip, p.Addr[:])
		return inetAddr(network, ip, getPort(&p.Port), 0)
	case sa.Addr.Family == unix.AF_INET6 && n >= unix.SizeofSockaddrInet6:
		p := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa))
		ip := make(net.IP, net.IPv6len)
		copy(ip, p.Addr[:])
		if ip4 := ip.To4(); ip4 != nil {
			return inetAddr(network, ip4, getPort(&p.Port), 0)
		}
		return inetAddr(network, ip, getPort(&p.Port), p.Scope_id)
	}
	return nil
}

func inetAddr(network string, ip net.IP, port int, zone uint32) net.Addr {
	switch network {
	case "tcp", "tcp4", "tcp6":
		return &net.TCPAddr{IP: ip, Port: port, Zone: zoneName(zone)}
	case "udp", "udp4", "udp6":
		return &net.UDPAddr{IP: ip, Port: port, Zone: zoneName(zone)}
	}
	return nil
}

// unixName takes all n bytes of an abstract name, which may hold NULs, and a path
// up to its NUL, which the kernel leaves out when the path fills the array.
func unixName(sa *unix.RawSockaddrAny, n uint32) string {
	p := (*unix.RawSockaddrUnix)(unsafe.Pointer(sa))
	path := unsafe.Slice((*byte)(unsafe.Pointer(&p.Path[0])), len(p.Path))
	path = path[:min(int(n)-sizeofFamily, len(path))]
	if len(path) == 0 {
		return ""
	}
	if path[0] == 0 {
		return "@" + string(path[1:])
	}
	for i, c := range path {
		if c == 0 {
			return string(path[:i])
		}
	}
	return string(path)
}
