//go:build linux

package ring

import (
	"sync/atomic"
	"unsafe"

	iouring "github.com/iceber/iouring-go/syscall"
)

// submissionQueue is our side of the submission ring. The kernel moves khead and flags, we move ktail;
// entries in [*khead, tail) wait for the kernel, those up to *ktail have been shown to it.
type submissionQueue struct {
	sqes []SQE
	mask uint32
	tail uint32 // next entry that GetSQE hands out
	head uint32 // *khead as last seen: at most behind, never ahead

	khead   *uint32
	ktail   *uint32
	flags   *uint32
	dropped *uint32
}

// init points the queue at a mapped ring. The kernel reads entries through an index array unless told not
// to; as the identity, filled once, it never has to be touched again.
func (q *submissionQueue) init(rings, sqes unsafe.Pointer, kp *iouring.IOURingParams) {
	off := &kp.SQOffset
	q.sqes = unsafe.Slice((*SQE)(sqes), kp.SQEntries)
	q.mask = kp.SQEntries - 1
	q.khead = (*uint32)(unsafe.Add(rings, off.Head))
	q.ktail = (*uint32)(unsafe.Add(rings, off.Tail))
	q.flags = (*uint32)(unsafe.Add(rings, off.Flags))
	q.dropped = (*uint32)(unsafe.Add(rings, off.Dropped))
	q.head, q.tail = atomic.LoadUint32(q.khead), atomic.LoadUint32(q.ktail)

	if SetupFlags(kp.Flags)&SetupNoSQArray == 0 {
		array := unsafe.Slice((*uint32)(unsafe.Add(rings, off.Array)), kp.SQEntries)
		for i := range array {
			array[i] = uint32(i)
		}
	}
}

// close leaves an empty queue without entries, which no method trips over.
func (q *submissionQueue) close() {
	zero := new(uint32)
	*q = submissionQueue{khead: zero, ktail: zero, flags: zero, dropped: zero}
}

// flush shows the kernel every entry handed out so far and returns how many it has not consumed yet.
func (q *submissionQueue) flush() uint32 {
	if q.tail != atomic.LoadUint32(q.ktail) {
		atomic.StoreUint32(q.ktail, q.tail) // release: the entries are written before the tail moves
	}
	return q.ready()
}

func (q *submissionQueue) ready() uint32 {
	q.head = atomic.LoadUint32(q.khead)
	return q.tail - q.head
}

// GetSQE returns the next free submission entry, zeroed, or nil when the queue is full: submit, and try
// again (io_uring_get_sqe). The entry is queued by being handed out; prepare it before the next enter call.
func (r *Ring) GetSQE() *SQE {
	q := &r.sq
	if q.tail-q.head > q.mask && q.ready() > q.mask {
		return nil
	}
	i := q.tail & q.mask
	if int(i) >= len(q.sqes) { // closed
		return nil
	}
	sqe := &q.sqes[i]
	q.tail++
	*sqe = SQE{}
	return sqe
}

// SQReady returns the number of entries that the kernel has not consumed yet (io_uring_sq_ready).
func (r *Ring) SQReady() uint32 { return r.sq.ready() }

// SQSpaceLeft returns how many times GetSQE will succeed from here (io_uring_sq_space_left).
func (r *Ring) SQSpaceLeft() uint32 { return uint32(len(r.sq.sqes)) - r.sq.ready() }

// SQDropped returns how many invalid entries the kernel has dropped since the ring was made. With the
// identity index array, and without an array at all, it stays zero.
func (r *Ring) SQDropped() uint32 { return atomic.LoadUint32(r.sq.dropped) }

// NeedsEnter reports that completions wait inside the kernel for an enter call with GETEVENTS: the
// completion queue has overflowed (5.8), or task work is pending (5.19; shown only with SetupTaskrunFlag).
func (r *Ring) NeedsEnter() bool {
	return atomic.LoadUint32(r.sq.flags)&(sqCQOverflow|sqTaskrun) != 0
}
