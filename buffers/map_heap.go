//go:build !unix || aix || solaris

package buffers

import (
	"os"
	"unsafe"
)

// mapMemory returns zeroed, aligned memory of the Go heap, on systems where
// mapping is not worth its own file.
func mapMemory(size, align int) ([]byte, error) {
	align = max(align, os.Getpagesize())
	mem := make([]byte, size+align)
	off := int(-uintptr(unsafe.Pointer(unsafe.SliceData(mem))) & uintptr(align-1))
	return mem[off : off+size : off+size], nil
}

// unmapMemory leaves the memory to the collector.
func unmapMemory([]byte) error { return nil }

func dropPages([]byte) error { return nil }
