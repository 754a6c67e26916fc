package runtime

import (
	"net"
	"net/netip"
)

// PacketAddr is the address of a datagram socket: the AddrPort of UDP, or the Name
// of a Unix one. It is comparable, so that it can be a map's key. IPv4 addresses
// are never v4-mapped. The zero value is no address: the peer of a connected
// socket, or a Unix peer without a name.
type PacketAddr struct {
	netip.AddrPort
	Name string
}

// PacketAddrOf returns the PacketAddr of a *net.UDPAddr or *net.UnixAddr, and the
// zero value for nil and for other types.
func PacketAddrOf(a net.Addr) PacketAddr {
	switch a := a.(type) {
	case *net.UDPAddr:
		if a == nil {
			return PacketAddr{}
		}
		ip, _ := netip.AddrFromSlice(a.IP)
		ip = ip.Unmap()
		if a.Zone != "" {
			ip = ip.WithZone(a.Zone)
		}
		return PacketAddr{AddrPort: netip.AddrPortFrom(ip, uint16(a.Port))}
	case *net.UnixAddr:
		if a != nil {
			return PacketAddr{Name: a.Name}
		}
	}
	return PacketAddr{}
}

// IsZero reports whether it is no address.
func (a PacketAddr) IsZero() bool { return a == PacketAddr{} }

// NetAddr returns a *net.UDPAddr or *net.UnixAddr, nil for no address.
func (a PacketAddr) NetAddr() net.Addr {
	switch {
	case a.Name != "":
		return &net.UnixAddr{Name: a.Name, Net: "unixgram"}
	case a.AddrPort != netip.AddrPort{}:
		return net.UDPAddrFromAddrPort(a.AddrPort)
	}
	return nil
}

// String returns host:port, or the name.
func (a PacketAddr) String() string {
	if a.Name != "" {
		return a.Name
	}
	return a.AddrPort.String()
}

// packetRemote is memory for a PacketAddr in the form that engines take, so that
// sending does not allocate.
type packetRemote struct {
	udp  net.UDPAddr
	unix net.UnixAddr
	ip   [net.IPv6len]byte
}

func (r *packetRemote) set(a PacketAddr) net.Addr {
	switch {
	case a.Name != "":
		r.unix = net.UnixAddr{Name: a.Name, Net: "unixgram"}
		return &r.unix
	case a.AddrPort == netip.AddrPort{}:
		return nil
	}
	ip := a.Addr()
	r.udp.Port, r.udp.Zone = int(a.Port()), ip.Zone()
	switch {
	case ip.Is4():
		b := ip.As4()
		r.udp.IP = r.ip[:copy(r.ip[:], b[:])]
	case ip.IsValid():
		b := ip.As16()
		r.udp.IP = r.ip[:copy(r.ip[:], b[:])]
	default:
		r.udp.IP = nil
	}
	return &r.udp
}
