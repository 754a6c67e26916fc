//go:build linux

package ring

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// RegisterBuffers pins memory for PrepReadFixed, PrepWriteFixed and PrepSendZCFixed, which then name it by
// its index here (io_uring_register_buffers, 5.1). tags may be nil, or one a buffer (FeatRsrcTags, 5.13).
//
// The memory must be anonymous and stay mapped until the buffers are unregistered and no request uses them;
// after an update the tag of the old buffer tells when. ENOMEM: over RLIMIT_MEMLOCK, which a huge page is
// charged to whole. EBUSY: there are buffers already. EFAULT or EOPNOTSUPP: memory that can not be pinned. At
// most 16384 of 1 GiB.
func (r *Ring) RegisterBuffers(buffers []unix.Iovec, tags []uint64) error {
	if err := checkTags(tags, len(buffers)); err != nil {
		return err
	}
	data := unsafe.Pointer(unsafe.SliceData(buffers))
	if tags == nil {
		return r.register(RegisterBuffers, data, uint32(len(buffers)))
	}
	return r.registerRsrc(RegisterBuffers2, uint32(len(buffers)), 0, data, tags)
}

// RegisterBuffersSparse registers n empty places for RegisterBuffersUpdate to fill
// (io_uring_register_buffers_sparse, 5.19).
func (r *Ring) RegisterBuffersSparse(n uint32) error {
	return r.registerRsrc(RegisterBuffers2, n, rsrcRegisterSparse, nil, nil)
}

// RegisterBuffersUpdate replaces registered buffers from offset on and returns how many it did
// (io_uring_register_buffers_update_tag, 5.13). A zero Iovec empties the place. Requests in flight keep the
// old memory until they complete.
func (r *Ring) RegisterBuffersUpdate(offset uint32, buffers []unix.Iovec, tags []uint64) (int, error) {
	if err := checkTags(tags, len(buffers)); err != nil {
		return 0, err
	}
	data := unsafe.Pointer(unsafe.SliceData(buffers))
	return r.updateRsrc(RegisterBuffersUpdate, offset, uint32(len(buffers)), data, tags)
}

// UnregisterBuffers drops all registered buffers (io_uring_unregister_buffers, 5.1). Requests in flight keep
// theirs pinned until they complete. ENXIO: there are none.
func (r *Ring) UnregisterBuffers() error {
	return r.register(UnregisterBuffers, nil, 0)
}

// CloneFlags are the flags of CloneBuffers.
type CloneFlags uint32

// CloneDstReplace lets CloneBuffers replace buffers that are there (IORING_REGISTER_DST_REPLACE, 6.13).
const CloneDstReplace CloneFlags = 2

// cloneBuffers is struct io_uring_clone_buffers.
type cloneBuffers struct {
	srcFD  uint32
	flags  uint32
	srcOff uint32
	dstOff uint32
	nr     uint32
	_      [3]uint32
}

// CloneBuffers shares n registered buffers of src from srcOff on as this ring's from dstOff on, pinned and
// charged once (io_uring_clone_buffers_offset, 6.12; offsets and flags 6.13). n zero means all. EBUSY: this
// ring has buffers already.
func (r *Ring) CloneBuffers(src *Ring, srcOff, dstOff, n uint32, flags CloneFlags) error {
	arg := cloneBuffers{
		srcFD: uint32(src.fd), flags: uint32(flags), srcOff: srcOff, dstOff: dstOff, nr: n,
	}
	return r.register(RegisterCloneBuffers, unsafe.Pointer(&arg), 1)
}

// checkTags keeps the kernel from reading behind a short tag list.
func checkTags(tags []uint64, n int) error {
	if tags != nil && len(tags) != n {
		return fmt.Errorf("ring: %d tags for %d resources: %w", len(tags), n,
			os.NewSyscallError("io_uring_register", unix.EINVAL))
	}
	return nil
}
