//go:build linux

package sock

import (
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// AddrBuf is memory for the address of one datagram at a time, so that receiving
// does not allocate. The zero value is ready. Not safe for concurrent use.
type AddrBuf struct {
	udp  net.UDPAddr
	unix net.UnixAddr
	ip   [net.IPv6len]byte
}

// Decode is like the function [Decode], but the address that it returns is valid
// until the next call only. Addresses of streams it does allocate.
func (b *AddrBuf) Decode(network string, sa *unix.RawSockaddrAny, n uint32) net.Addr {
	if sa == nil || n < sizeofFamily || n > unix.SizeofSockaddrAny {
		return nil
	}
	switch network {
	case "udp", "udp4", "udp6":
		return b.inet(sa, n)
	case "unixgram":
		return b.name(sa, n)
	}
	return Decode(network, sa, n)
}

func (b *AddrBuf) inet(sa *unix.RawSockaddrAny, n uint32) net.Addr {
	switch {
	case sa.Addr.Family == unix.AF_INET && n >= unix.SizeofSockaddrInet4:
		p := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		b.udp.IP = b.ip[:copy(b.ip[:], p.Addr[:])]
		b.udp.Port, b.udp.Zone = getPort(&p.Port), ""
	case sa.Addr.Family == unix.AF_INET6 && n >= unix.SizeofSockaddrInet6:
		p := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa))
		b.udp.IP = b.ip[:copy(b.ip[:], p.Addr[:])]
		b.udp.Port, b.udp.Zone = getPort(&p.Port), ""
		if ip4 := b.udp.IP.To4(); ip4 != nil {
			b.udp.IP = ip4
		} else {
			b.udp.Zone = zoneName(p.Scope_id)
		}
	default:
		return nil
	}
	return &b.udp
}

// name keeps the last name: one peer often sends many datagrams.
func (b *AddrBuf) name(sa *unix.RawSockaddrAny, n uint32) net.Addr {
	if sa.Addr.Family != unix.AF_UNIX {
		return nil
	}
	name := unixName(sa, n)
	if b.unix.Name != name || b.unix.Net == "" {
		b.unix = net.UnixAddr{Name: name, Net: "unixgram"}
	}
	return &b.unix
}
