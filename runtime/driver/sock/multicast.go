//go:build linux

package sock

import (
	"net"

	"golang.org/x/sys/unix"
)

// JoinGroup joins a multicast group on the interface of that index, 0 leaving the
// choice to the kernel. Errors are bare errnos.
func JoinGroup(fd, index int, group net.IP) error {
	return groupOption(fd, index, group, unix.IP_ADD_MEMBERSHIP, unix.IPV6_JOIN_GROUP)
}

// LeaveGroup undoes JoinGroup.
func LeaveGroup(fd, index int, group net.IP) error {
	return groupOption(fd, index, group, unix.IP_DROP_MEMBERSHIP, unix.IPV6_LEAVE_GROUP)
}

func groupOption(fd, index int, group net.IP, v4, v6 int) error {
	if ip := group.To4(); ip != nil {
		m := unix.IPMreqn{Ifindex: int32(index)}
		copy(m.Multiaddr[:], ip)
		return unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, v4, &m)
	}
	if len(group) != net.IPv6len {
		return unix.EINVAL
	}
	m := unix.IPv6Mreq{Interface: uint32(index)}
	copy(m.Multiaddr[:], group)
	return unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, v6, &m)
}
