//go:build unix && !aix && !solaris

package buffers

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapMemory maps size bytes of zeroed, page-aligned memory outside the Go
// heap. With align above the page size it maps more and cuts off the slack.
func mapMemory(size, align int) ([]byte, error) {
	slack := 0
	if align > os.Getpagesize() {
		slack = align
	}
	base, err := unix.MmapPtr(-1, 0, nil, uintptr(size+slack),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("buffers: map %d bytes: %w", size, os.NewSyscallError("mmap", err))
	}
	if slack > 0 {
		base, err = cutSlack(base, size, align)
		if err != nil {
			return nil, err
		}
	}
	mem := unsafe.Slice((*byte)(base), size)
	adviseNoFork(mem)
	return mem, nil
}

// cutSlack unmaps what lies around the aligned part of a mapping of
// size+align bytes and returns the aligned part.
func cutSlack(base unsafe.Pointer, size, align int) (unsafe.Pointer, error) {
	head := -uintptr(base) & uintptr(align-1)
	if head > 0 {
		if err := unix.MunmapPtr(base, head); err != nil {
			return nil, os.NewSyscallError("munmap", err)
		}
	}
	aligned := unsafe.Add(base, head)
	if tail := uintptr(align) - head; tail > 0 {
		if err := unix.MunmapPtr(unsafe.Add(aligned, size), tail); err != nil {
			return nil, os.NewSyscallError("munmap", err)
		}
	}
	return aligned, nil
}

func unmapMemory(mem []byte) error {
	err := unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(mem)), uintptr(len(mem)))
	return os.NewSyscallError("munmap", err)
}

// dropPages gives whole pages back to the system and keeps the mapping. Their
// content is undefined afterwards (Linux: zero).
func dropPages(mem []byte) error {
	return os.NewSyscallError("madvise", unix.Madvise(mem, unix.MADV_DONTNEED))
}
