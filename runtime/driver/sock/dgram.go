//go:build linux

package sock

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
)

// AskControl asks for control messages with every datagram: see
// [driver.ListenConfig]. Errors are bare errnos.
func AskControl(fd int, packetInfo, tos, ttl bool) error {
	set := optSetter{fd: fd}
	set.datagram(Family(fd), &driver.ListenConfig{PacketInfo: packetInfo, TOS: tos, TTL: ttl})
	return set.err
}

// memInfoDrops is the place of the drops in what SO_MEMINFO tells (SK_MEMINFO_DROPS).
const memInfoDrops = 8

// Drops returns how many datagrams the kernel dropped on the way into the socket:
// its queue was full, or they were damaged (SO_MEMINFO, since Linux 4.12).
func Drops(fd int) (uint64, error) {
	var info [memInfoDrops + 1]uint32
	n := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&n)), 0)
	if errno != 0 {
		return 0, errno
	}
	return uint64(info[memInfoDrops]), nil
}
