//go:build linux

package runtime

import (
	"net"
	"net/netip"

	"github.com/headrace/headrace/runtime/driver/sock"
)

func parsePacketInfo(oob []byte) PacketInfo {
	if len(oob) == 0 {
		return PacketInfo{}
	}
	c := sock.ParseControl(oob)
	return PacketInfo{
		Local: c.Local, Interface: c.IfIndex,
		TOS: c.TOS, TTL: c.TTL, HasTOS: c.HasTOS, HasTTL: c.HasTTL,
	}
}

func appendPacketInfo(b []byte, i PacketInfo, to PacketAddr) []byte {
	v4 := to.Addr().Is4()
	if !to.Addr().IsValid() {
		v4 = i.Local.Is4()
	}
	if i.Local.IsValid() || i.Interface != 0 {
		local := i.Local
		if v4 && !local.IsValid() {
			local = netip.IPv4Unspecified()
		}
		b = sock.AppendPacketInfo(b, local, i.Interface)
	}
	if i.HasTOS {
		b = sock.AppendTOS(b, v4, i.TOS)
	}
	if i.HasTTL {
		b = sock.AppendTTL(b, v4, i.TTL)
	}
	return b
}

func askPacketInfo(fd uintptr, cfg *PacketConfig) error {
	return sock.AskControl(int(fd), cfg.PacketInfo, cfg.TOS, cfg.TTL)
}

func joinGroup(fd uintptr, index int, group net.IP) error {
	return sock.JoinGroup(int(fd), index, group)
}

func leaveGroup(fd uintptr, index int, group net.IP) error {
	return sock.LeaveGroup(int(fd), index, group)
}

// kernelDrops is how many datagrams the kernel dropped on the way into the socket.
func kernelDrops(fd uintptr) uint64 {
	n, _ := sock.Drops(int(fd))
	return n
}
