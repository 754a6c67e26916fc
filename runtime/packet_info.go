package runtime

import "net/netip"

// PacketInfo is what the control messages of a datagram say. The zero value says
// nothing.
type PacketInfo struct {
	// Local is the address that a received datagram was sent to, and the one to
	// send from: who listens on all addresses answers from it.
	Local netip.Addr
	// Interface is the index of the interface that it came in by, or goes out by.
	Interface int
	// TOS is the traffic class, whose lower two bits are ECN, and TTL the hop count,
	// where HasTOS and HasTTL say so.
	TOS, TTL       uint8
	HasTOS, HasTTL bool
}

// Append appends the control messages that say so to b, for a datagram to the
// given peer. It appends none where this package does not know how: it does on
// Linux.
func (i PacketInfo) Append(b []byte, to PacketAddr) []byte { return appendPacketInfo(b, i, to) }
