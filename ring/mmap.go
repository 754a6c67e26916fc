//go:build linux

package ring

import (
	"errors"
	"os"
	"unsafe"

	iouring "github.com/iceber/iouring-go/syscall"
	"golang.org/x/sys/unix"
)

// mappings is the memory shared with the kernel: both rings in one piece, and the submission entries.
type mappings struct {
	rings []byte
	sqes  []byte
}

// mapRings maps the rings of fd as kp sizes them. On error nothing stays mapped.
func mapRings(fd int, kp *iouring.IOURingParams) (mappings, error) {
	size := uintptr(kp.CQOffset.Cqes) + uintptr(kp.CQEntries)*unsafe.Sizeof(CQE{})
	if SetupFlags(kp.Flags)&SetupNoSQArray == 0 {
		size = max(size, uintptr(kp.SQOffset.Array)+uintptr(kp.SQEntries)*unsafe.Sizeof(uint32(0)))
	}
	var m mappings
	var err error
	if m.rings, err = mapShared(fd, iouring.IORING_OFF_SQ_RING, size); err != nil {
		return mappings{}, err
	}
	m.sqes, err = mapShared(fd, iouring.IORING_OFF_SQES, uintptr(kp.SQEntries)*unsafe.Sizeof(SQE{}))
	if err != nil {
		return mappings{}, errors.Join(err, m.unmap())
	}
	return m, nil
}

// mapShared maps size bytes of the ring at offset, not inherited by a fork.
func mapShared(fd int, offset uint64, size uintptr) ([]byte, error) {
	return mapMemory(fd, int64(offset), size, unix.MAP_SHARED|unix.MAP_POPULATE)
}

// mapMemory is mmap(2) and madvise(MADV_DONTFORK): a forked child must not share memory with a kernel that
// works for its parent.
func mapMemory(fd int, offset int64, size uintptr, flags int) ([]byte, error) {
	p, err := unix.MmapPtr(fd, offset, nil, size, unix.PROT_READ|unix.PROT_WRITE, flags)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	b := unsafe.Slice((*byte)(p), size)
	if err := unix.Madvise(b, unix.MADV_DONTFORK); err != nil {
		return nil, errors.Join(os.NewSyscallError("madvise", err), unmapMemory(b))
	}
	return b, nil
}

func unmapMemory(b []byte) error {
	if b == nil {
		return nil
	}
	return os.NewSyscallError("munmap", unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(b)), uintptr(len(b))))
}

// unmap gives all of the memory back. The second call does nothing.
func (m *mappings) unmap() error {
	err := errors.Join(unmapMemory(m.rings), unmapMemory(m.sqes))
	*m = mappings{}
	return err
}
