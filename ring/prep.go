//go:build linux

package ring

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// The Prep methods fill an entry for one operation, as liburing's io_uring_prep functions do. Each sets every
// field but UserData and Flags; those that take a buffer group add SQEBufferSelect to Flags. None allocates.
// The package comment tells how long the memory that an entry points to must live.
//
// Of a buffer longer than 0x7ffff000 bytes (2 GiB less a page) that much is used, as in read(2): the result is short.

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

// maxLength is the most that the kernel moves at once (MAX_RW_COUNT).
const maxLength = 0x7ffff000

// lengthOf returns the length for an entry, whose field has 32 bits: 4 GiB must not become zero there, which
// reads as the end of the file.
func lengthOf(b []byte) uint32 { return uint32(min(len(b), maxLength)) }

// pollEvents orders the halves of a poll mask: the kernel reads poll32_events with its halves swapped on
// big-endian machines, because poll_events was once 16 bits wide.
func pollEvents(mask uint32) uint32 {
	if cpu.IsBigEndian {
		return mask<<16 | mask>>16
	}
	return mask
}
