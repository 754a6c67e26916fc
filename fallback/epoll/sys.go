//go:build linux

package epoll

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls here are raw where they do not block: the scheduler need not know of
// a call that returns at once, and telling it costs a good part of a small one.

func epollWaitNow(epfd int, events []unix.EpollEvent) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	return int(n), errno
}

// epollWaitMillis rounds up, so that no timer is found not due yet.
func epollWaitMillis(epfd int, events []unix.EpollEvent, wait time.Duration) (int, unix.Errno) {
	const longest = 1<<31 - 1
	ms := int64(-1)
	if wait >= 0 {
		ms = min(int64((wait-1)/time.Millisecond)+1, longest)
	}
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(ms), 0, 0)
	return int(n), errno
}

// epollPwait2 is since Linux 5.11. Its timespec has 64 bits everywhere.
func epollPwait2(epfd int, events []unix.EpollEvent, wait time.Duration) (int, unix.Errno) {
	var ts struct{ sec, nsec int64 }
	var timeout unsafe.Pointer
	if wait >= 0 {
		ts.sec, ts.nsec = int64(wait/time.Second), int64(wait%time.Second)
		timeout = unsafe.Pointer(&ts)
	}
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epfd),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(timeout), 0, 0)
	return int(n), errno
}

// sleep is nanosleep(2). The kernel may add the thread's timer slack, 50 µs.
func sleep(wait time.Duration) {
	ts := unix.NsecToTimespec(int64(wait))
	_, _, _ = unix.Syscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
}

// rawBytes is up to where a copy counts as short.
const rawBytes = 64 << 10

// sendFlags have a send not block either where somebody else, who has the socket, too,
// made it block: os/exec does with the files that it is given.
const sendFlags = unix.MSG_NOSIGNAL | unix.MSG_DONTWAIT

func send(fd int32, base unsafe.Pointer, n int) (int, unix.Errno) {
	call := unix.RawSyscall6
	if n > rawBytes {
		call = unix.Syscall6
	}
	for {
		sent, _, errno := call(unix.SYS_SENDTO, uintptr(fd),
			uintptr(base), uintptr(n), sendFlags, 0, 0)
		if errno == 0 {
			return int(sent), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

// sendmsg sends total bytes.
func sendmsg(fd int32, msg *unix.Msghdr, total int) (int, unix.Errno) {
	call := unix.RawSyscall
	if total > rawBytes {
		call = unix.Syscall
	}
	for {
		n, _, errno := call(unix.SYS_SENDMSG, uintptr(fd),
			uintptr(unsafe.Pointer(msg)), sendFlags)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

// sendmmsg sends total bytes in as many datagrams as there are headers, or in fewer.
func sendmmsg(fd int32, hdrs []mmsghdr, total int) (int, unix.Errno) {
	call := unix.RawSyscall6
	if total > rawBytes {
		call = unix.Syscall6
	}
	for {
		n, _, errno := call(unix.SYS_SENDMMSG, uintptr(fd),
			uintptr(unsafe.Pointer(&hdrs[0])), uintptr(len(hdrs)), sendFlags, 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

func accept(fd int32) (int, unix.Errno) {
	const mode = unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC
	n, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), 0, 0, mode, 0, 0)
	return int(n), errno
}

// mmsghdr is struct mmsghdr of recvmmsg(2) and sendmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

func recvmmsg(fd int32, hdrs []mmsghdr) (int, unix.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd),
			uintptr(unsafe.Pointer(&hdrs[0])), uintptr(len(hdrs)), unix.MSG_DONTWAIT, 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}
