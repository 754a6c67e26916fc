//go:build linux

package sock

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawRecv is up to where receiving counts as a short call, of which the scheduler need
// not know: telling it costs a good part of a small one.
const rawRecv = 64 << 10

// Recv takes what a stream socket has, without waiting: EAGAIN if that is nothing, zero
// bytes at the end of the stream. p must not be empty.
func Recv(fd int32, p []byte) (int, unix.Errno) {
	call := unix.RawSyscall6
	if len(p) > rawRecv {
		call = unix.Syscall6
	}
	for {
		n, _, errno := call(unix.SYS_RECVFROM, uintptr(fd),
			uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), unix.MSG_DONTWAIT, 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

// RecvBoth is Recv into two pieces of memory, one after the other, and short for twice
// as much.
func RecvBoth(fd int32, p, q []byte) (int, unix.Errno) {
	iovs := [2]unix.Iovec{{Base: &p[0]}, {Base: &q[0]}}
	iovs[0].SetLen(len(p))
	iovs[1].SetLen(len(q))
	msg := unix.Msghdr{Iov: &iovs[0]}
	msg.SetIovlen(len(iovs))
	call := unix.RawSyscall
	if len(p)+len(q) > 2*rawRecv {
		call = unix.Syscall
	}
	for {
		n, _, errno := call(unix.SYS_RECVMSG, uintptr(fd),
			uintptr(unsafe.Pointer(&msg)), unix.MSG_DONTWAIT)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}
