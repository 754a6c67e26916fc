//go:build linux

package sock

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
)

// SendHead sends the chain to a non-blocking socket, as far as there is room, and
// returns how much that was; the error only if it was nothing. With more, the last
// packet waits for what is sent next (MSG_MORE).
func SendHead(fd int32, chain *buffers.Chain, more bool) (n int, err error) {
	flags := uintptr(unix.MSG_NOSIGNAL | unix.MSG_DONTWAIT)
	for c := chain.Front(); c != nil; c = c.Next() {
		p := c.Bytes()
		if len(p) == 0 {
			continue
		}
		with := flags
		if more || c.Next() != nil {
			with |= unix.MSG_MORE
		}
		sent, errno := sendRaw(fd, p, with)
		n += sent
		if errno != 0 && n == 0 {
			return 0, errno
		}
		if sent < len(p) {
			return n, nil
		}
	}
	return n, nil
}

func sendRaw(fd int32, p []byte, flags uintptr) (int, unix.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}
