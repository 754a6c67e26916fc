//go:build linux

package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
)

// fixed is the table of registered buffers: the pool's segments, by index. Zero-copy
// sends use them, since they would lock the memory for each send otherwise; operations
// on files only if asked to, as it gains nothing where the kernel copies anyway. One
// is registered when an operation first wants it, so that memory which only receives
// is never locked; an idle loop gives them all back (see Trim).
//
// A kernel that has no memory to lock for us (ENOMEM, RLIMIT_MEMLOCK) gets no more
// requests: what is registered stays in use, and the rest goes as ordinary memory.
type fixed struct {
	segments []int // bytes registered, by segment
	files    bool  // operations on files use them, too
	inflight int   // requests out of registered memory
	full     bool  // the kernel refused one
}

const fixedPlaces = 1 << 10 // segments of 1 MiB and more

// openFixed makes an empty table.
func (e *engine) openFixed() bool {
	if e.ring.RegisterBuffersSparse(fixedPlaces) != nil {
		return false
	}
	e.fixed.segments = make([]int, fixedPlaces)
	return true
}

// fixedFor returns the registered buffer that holds a chunk, registering it first if
// it is not. It is false when the chunk is not of this loop's pool, or nothing can be
// registered.
func (e *engine) fixedFor(c *buffers.Chunk) (index uint16, ok bool) {
	f := &e.fixed
	i, ok := e.pool.SegmentOf(c)
	if !ok || i >= len(f.segments) {
		return 0, false
	}
	if f.segments[i] == 0 && !e.register(i) {
		return 0, false
	}
	return uint16(i), true
}

// fixedForFile is fixedFor if files are to use registered memory.
func (e *engine) fixedForFile(c *buffers.Chunk) (index uint16, ok bool) {
	if !e.fixed.files {
		return 0, false
	}
	return e.fixedFor(c)
}

// fixedForAll is fixedFor for the front of a chain, if one buffer holds all of it.
func (e *engine) fixedForAll(chain *buffers.Chain, pieces int) (index uint16, ok bool) {
	for k := chain.Front(); k != nil && pieces > 0; k = k.Next() {
		if k.Len() == 0 {
			continue
		}
		i, in := e.fixedFor(k)
		if !in || ok && i != index {
			return 0, false
		}
		index, ok = i, true
		pieces--
	}
	return index, ok
}

// onFixed notes that a slot's request uses registered memory.
func (e *engine) onFixed(s *slot) {
	s.flags |= fixedMem
	e.fixed.inflight++
	e.stats.Fixed++
}

// register locks a segment's memory.
func (e *engine) register(i int) bool {
	f := &e.fixed
	if f.full {
		return false
	}
	mem := e.pool.Pin(i)
	iov := unix.Iovec{Base: unsafe.SliceData(mem)}
	iov.SetLen(len(mem))
	if _, err := e.ring.RegisterBuffersUpdate(uint32(i), []unix.Iovec{iov}, nil); err != nil {
		f.full = true
		e.pool.Unpin(i)
		e.log.Info("uring: no more buffers are registered", "loop", e.loop, "registered", e.stats.Registered, "err", err)
		return false
	}
	f.segments[i] = len(mem)
	e.stats.Registered += int64(len(mem))
	return true
}

// unregister takes all registrations back, so that the pool can put the memory to
// another use. The kernel lets go of it at once, as nothing is in flight that uses it.
func (e *engine) unregister() {
	f := &e.fixed
	if f.inflight != 0 || e.stats.Registered == 0 {
		return
	}
	for i, registered := range f.segments {
		if registered == 0 {
			continue
		}
		if _, err := e.ring.RegisterBuffersUpdate(uint32(i), []unix.Iovec{{}}, nil); err != nil {
			return
		}
		f.segments[i] = 0
		e.stats.Registered -= int64(registered)
		e.pool.Unpin(i)
	}
	f.full = false
}

// Trim implements driver.Trimmer.
func (e *engine) Trim() { e.unregister() }
