//go:build linux

package ring

import (
	goruntime "runtime"
	"unsafe"
)

// Buffers and files are both resources to the kernel, and share its extended calls (5.13): registration with
// tags or of an empty table, and update with tags. A tag that is not zero comes back as the user data of a
// completion once the kernel has let go of a resource that an update replaced. Dropping a whole table posts
// them on 6.18, but not on 6.12 and before.

// rsrcRegisterSparse is IORING_RSRC_REGISTER_SPARSE, 5.19.
const rsrcRegisterSparse = 1

// rsrcRegister is struct io_uring_rsrc_register.
type rsrcRegister struct {
	nr    uint32
	flags uint32
	_     uint64
	data  uint64
	tags  uint64
}

// rsrcUpdate is struct io_uring_rsrc_update.
type rsrcUpdate struct {
	offset uint32
	_      uint32
	data   uint64
}

// rsrcUpdate2 is struct io_uring_rsrc_update2.
type rsrcUpdate2 struct {
	offset uint32
	_      uint32
	data   uint64
	tags   uint64
	nr     uint32
	_      uint32
}

// registerRsrc registers nr resources. data may be nil with the sparse flag; tags may be nil.
func (r *Ring) registerRsrc(op RegisterOp, nr, flags uint32, data unsafe.Pointer, tags []uint64) error {
	arg := rsrcRegister{nr: nr, flags: flags, data: address(data), tags: tagsAddress(tags)}
	err := r.register(op, unsafe.Pointer(&arg), uint32(unsafe.Sizeof(arg)))
	goruntime.KeepAlive(data)
	goruntime.KeepAlive(tags)
	return err
}

// updateRsrc replaces nr resources from offset on and returns how many it did.
func (r *Ring) updateRsrc(op RegisterOp, offset, nr uint32, data unsafe.Pointer, tags []uint64) (int, error) {
	arg := rsrcUpdate2{offset: offset, nr: nr, data: address(data), tags: tagsAddress(tags)}
	n, err := r.registerCount(op, unsafe.Pointer(&arg), uint32(unsafe.Sizeof(arg)))
	goruntime.KeepAlive(data)
	goruntime.KeepAlive(tags)
	return n, err
}

func tagsAddress(tags []uint64) uint64 { return address(unsafe.Pointer(unsafe.SliceData(tags))) }
