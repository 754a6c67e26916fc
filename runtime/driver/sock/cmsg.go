//go:build linux

package sock

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ControlSpace is room enough for all control messages that [ControlInfo] knows,
// in both spellings.
const ControlSpace = 256

// ControlInfo is what the control messages of one datagram say.
// The zero value says nothing.
type ControlInfo struct {
	// Local is the address that a received datagram was sent to, and the address
	// to send from. IPv4 addresses are never v4-mapped.
	Local netip.Addr
	// IfIndex is the interface it came in by, or goes out by; 0 is any.
	IfIndex int
	// TOS is the traffic class, whose lower two bits are ECN, and TTL the hop
	// count, where HasTOS and HasTTL say so.
	TOS, TTL       uint8
	HasTOS, HasTTL bool
	// Segment is the size of the datagrams that were joined into a received one
	// (UDP_GRO), 0 if none were.
	Segment int
}

// ParseControl reads the control messages of a received datagram. It skips what
// it does not know and stops at a message that is cut, as the kernel cuts the
// last one when the room was too small. It does not allocate.
func ParseControl(oob []byte) ControlInfo {
	var info ControlInfo
	for len(oob) >= unix.SizeofCmsghdr {
		h := unix.Cmsghdr{}
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&h)), unix.SizeofCmsghdr), oob)
		n := uint64(h.Len)
		if n < uint64(unix.CmsgLen(0)) || n > uint64(len(oob)) {
			break
		}
		info.add(h.Level, h.Type, oob[unix.CmsgLen(0):n])
		oob = oob[min(uint64(unix.CmsgSpace(int(n)-unix.CmsgLen(0))), uint64(len(oob))):]
	}
	return info
}

func (info *ControlInfo) add(level, typ int32, data []byte) {
	switch {
	case level == unix.IPPROTO_IP && typ == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
		// struct in_pktinfo: interface, address to answer from, address in the header.
		info.IfIndex = int(int32(binary.NativeEndian.Uint32(data)))
		info.Local = netip.AddrFrom4([4]byte(data[8:12]))
	case level == unix.IPPROTO_IPV6 && typ == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
		info.Local = netip.AddrFrom16([16]byte(data[:16])).Unmap()
		info.IfIndex = int(int32(binary.NativeEndian.Uint32(data[16:])))
	case level == unix.IPPROTO_IP && typ == unix.IP_TOS && len(data) >= 1:
		info.TOS, info.HasTOS = data[0], true // one byte, unlike all others
	case level == unix.IPPROTO_IPV6 && typ == unix.IPV6_TCLASS && len(data) >= 4:
		info.TOS, info.HasTOS = uint8(binary.NativeEndian.Uint32(data)), true
	case level == unix.IPPROTO_IP && typ == unix.IP_TTL && len(data) >= 4,
		level == unix.IPPROTO_IPV6 && typ == unix.IPV6_HOPLIMIT && len(data) >= 4:
		info.TTL, info.HasTTL = uint8(binary.NativeEndian.Uint32(data)), true
	case level == unix.SOL_UDP && typ == unix.UDP_GRO && len(data) >= 4:
		info.Segment = int(int32(binary.NativeEndian.Uint32(data)))
	}
}

// Segment returns the size of the joined datagrams in a received one, 0 if its
// control messages name none: what [ParseControl] says, for the hot path.
func Segment(oob []byte) int {
	if len(oob) == 0 {
		return 0
	}
	return ParseControl(oob).Segment
}

// AppendPacketInfo appends the message that sets the source address, unless it is
// not valid, and the interface, unless it is 0. Local is IPv4 for a datagram to
// an IPv4 peer, also on a socket of both families, and IPv6 otherwise.
func AppendPacketInfo(b []byte, local netip.Addr, ifIndex int) []byte {
	if local.Is4() || local.Is4In6() {
		b, data := appendCmsg(b, unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
		binary.NativeEndian.PutUint32(data, uint32(ifIndex))
		ip := local.Unmap().As4()
		copy(data[4:], ip[:]) // ipi_spec_dst; ipi_addr is for receiving
		return b
	}
	b, data := appendCmsg(b, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)
	if local.IsValid() {
		ip := local.As16()
		copy(data, ip[:])
	}
	binary.NativeEndian.PutUint32(data[16:], uint32(ifIndex))
	return b
}

// AppendTOS appends the message that sets the traffic class of one datagram to an
// IPv4 or IPv6 peer.
func AppendTOS(b []byte, v4 bool, tos uint8) []byte {
	if v4 {
		return appendInt(b, unix.IPPROTO_IP, unix.IP_TOS, int32(tos))
	}
	return appendInt(b, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, int32(tos))
}

// AppendTTL appends the message that sets the hop count of one datagram to an
// IPv4 or IPv6 peer.
func AppendTTL(b []byte, v4 bool, ttl uint8) []byte {
	if v4 {
		return appendInt(b, unix.IPPROTO_IP, unix.IP_TTL, int32(ttl))
	}
	return appendInt(b, unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT, int32(ttl))
}

// AppendSegment appends the message that cuts one send into datagrams of size
// bytes (UDP_SEGMENT, since Linux 4.18).
func AppendSegment(b []byte, size uint16) []byte {
	b, data := appendCmsg(b, unix.SOL_UDP, unix.UDP_SEGMENT, 2)
	binary.NativeEndian.PutUint16(data, size)
	return b
}

func appendInt(b []byte, level, typ, value int32) []byte {
	b, data := appendCmsg(b, level, typ, 4)
	binary.NativeEndian.PutUint32(data, uint32(value))
	return b
}

// appendCmsg appends a header and n zero bytes, padded, and returns these n too.
// B begins aligned, or is a whole number of messages.
func appendCmsg(b []byte, level, typ int32, n int) (all, data []byte) {
	start := len(b)
	space := unix.CmsgSpace(n)
	if cap(b)-start < space {
		b = append(b, make([]byte, space)...)
	} else {
		b = b[:start+space]
		clear(b[start:])
	}
	h := unix.Cmsghdr{Level: level, Type: typ}
	h.SetLen(unix.CmsgLen(n))
	copy(b[start:], unsafe.Slice((*byte)(unsafe.Pointer(&h)), unix.SizeofCmsghdr))
	at := start + unix.CmsgLen(0)
	return b, b[at : at+n]
}
