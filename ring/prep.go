//go:build linux

package ring

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// The Prep methods fill an entry for one operation, as liburing's io_uring_prep functions do. Each sets every
// field but UserData and Flags; those that take a buffer group add SQEBufferSelect to Flags. None allocates.
// The package comment tells how long the memory that an entry points to must live.

// escape holds no pointer ever; the compiler can not know that its flag stays false.
var escape struct {
	on bool
	to unsafe.Pointer
}

// address returns p as the kernel wants it. It makes what p points to escape to the heap in the eyes of the
// compiler, since an address on a goroutine stack goes stale when the stack moves.
func address(p unsafe.Pointer) uint64 {
	if escape.on {
		escape.to = p
	}
	return uint64(uintptr(p))
}

func addressOf(b []byte) uint64 { return address(unsafe.Pointer(unsafe.SliceData(b))) }

// pollEvents orders the halves of a poll mask: the kernel reads poll32_events with its halves swapped on
// big-endian machines, because poll_events was once 16 bits wide.
func pollEvents(mask uint32) uint32 {
	if cpu.IsBigEndian {
		return mask<<16 | mask>>16
	}
	return mask
}
