//go:build linux

package ring

import (
	"sync/atomic"
	"unsafe"

	iouring "github.com/iceber/iouring-go/syscall"
)

// completionQueue is our side of the completion ring. The kernel moves ktail, we move khead; nobody else
// moves our head, so it is kept here and only stored there.
type completionQueue struct {
	cqes []CQE
	mask uint32
	head uint32

	khead    *uint32
	ktail    *uint32
	overflow *uint32
	flags    *uint32 // nil before Linux 5.8
}

func (q *completionQueue) init(rings unsafe.Pointer, kp *iouring.IOURingParams) {
	off := &kp.CQOffset
	q.cqes = unsafe.Slice((*CQE)(unsafe.Add(rings, off.Cqes)), kp.CQEntries)
	q.mask = kp.CQEntries - 1
	q.khead = (*uint32)(unsafe.Add(rings, off.Head))
	q.ktail = (*uint32)(unsafe.Add(rings, off.Tail))
	q.overflow = (*uint32)(unsafe.Add(rings, off.Overflow))
	if off.Flags != 0 {
		q.flags = (*uint32)(unsafe.Add(rings, off.Flags))
	}
	q.head = atomic.LoadUint32(q.khead)
}

// close leaves an empty queue, which no method trips over.
func (q *completionQueue) close() {
	zero := new(uint32)
	*q = completionQueue{khead: zero, ktail: zero, overflow: zero}
}

// PeekBatch copies up to len(dst) completions to dst and gives their places back to the kernel, moving the
// head once (io_uring_peek_batch_cqe and io_uring_cq_advance). It makes no system call: with
// SetupDeferTaskrun, completions appear only through an enter call with GETEVENTS.
func (r *Ring) PeekBatch(dst []CQE) int {
	q := &r.cq
	n := int(atomic.LoadUint32(q.ktail) - q.head) // acquire: the entries are read after the tail
	n = min(n, len(dst))
	if n == 0 {
		return 0
	}
	done := copy(dst[:n], q.cqes[q.head&q.mask:])
	copy(dst[done:n], q.cqes)
	q.head += uint32(n)
	atomic.StoreUint32(q.khead, q.head) // release: the kernel may write there from now on
	return n
}

// CQReady returns the number of completions that PeekBatch can take now (io_uring_cq_ready).
func (r *Ring) CQReady() uint32 { return atomic.LoadUint32(r.cq.ktail) - r.cq.head }

// CQOverflow returns how many completions the kernel has lost since the ring was made (koverflow). With
// FeatNoDrop it keeps those that find the queue full, and counts here only what it had no memory for.
func (r *Ring) CQOverflow() uint32 { return atomic.LoadUint32(r.cq.overflow) }
