//go:build linux

package ring

import (
	"errors"
	"fmt"
	"unsafe"

	iouring "github.com/iceber/iouring-go/syscall"
)

// resizable are the flags that ResizeRings needs. A resized ring does not tell where its submission index
// array lies (seen on 6.18), so there must be none.
const resizable = SetupDeferTaskrun | SetupNoSQArray

var errResizable = fmt.Errorf("ring: resize without %v: %w", resizable, errors.ErrUnsupported)

// ResizeRings changes the size of both queues; what is in them stays (io_uring_resize_rings, 6.13). Zero
// cqEntries means twice the submission entries. It needs SetupDeferTaskrun and SetupNoSQArray. Entries from
// GetSQE that have not been submitted are kept, but pointers to them go stale.
//
// EINVAL: the kernel is older, or a size does not fit. EOVERFLOW: what is queued does not fit, and nothing
// has changed. If the new queues can not be mapped the ring is closed.
func (r *Ring) ResizeRings(sqEntries, cqEntries uint32) error {
	if r.params.Flags&resizable != resizable {
		return errResizable
	}
	r.sq.flush() // or the kernel would not carry over what it has not been shown
	kp := iouring.IOURingParams{SQEntries: sqEntries, CQEntries: cqEntries}
	if cqEntries != 0 {
		kp.Flags = uint32(SetupCQSize)
	}
	if err := r.register(RegisterResizeRings, unsafe.Pointer(&kp), 1); err != nil {
		return err
	}
	old := r.maps
	kp.Flags |= uint32(r.params.Flags)
	if err := r.mapQueues(&kp); err != nil {
		return errors.Join(err, r.Close())
	}
	r.params.SQEntries, r.params.CQEntries = kp.SQEntries, kp.CQEntries
	return old.unmap()
}
