//go:build linux

package epoll

import (
	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// stage is how far an operation has come.
type stage uint8

const (
	stageFree      stage = iota
	stageSubmitted       // in line for the next Poll
	stageQueued          // waits in its socket's queue
	stageJob             // a helper works for it; if a socket's, also in its queue
	stageDone            // its final completion is in line
)

// record is the engine's side of an operation in flight.
type record struct {
	op       *driver.Op
	chunk    *buffers.Chunk // SendFile: bytes that a helper read
	job      *job
	warm     int64  // SendFile: up to here the file is in the page cache
	done     int    // RecvInto, ReadAt: bytes that are there
	next     uint32 // behind it in its socket's queue
	socket   ref
	gen      uint32
	stage    stage
	canceled bool
}

// queue is a list of records, linked by their slots.
type queue struct{ head, tail uint32 }

func (q *queue) empty() bool { return q.head == none }

func (e *engine) push(q *queue, slot uint32) {
	r := e.records.at(slot)
	r.stage, r.next = stageQueued, none
	if q.head == none {
		q.head = slot
	} else {
		e.records.at(q.tail).next = slot
	}
	q.tail = slot
}

// unlink takes slot out of q and tells whether it was there.
func (e *engine) unlink(q *queue, slot uint32) bool {
	prev := none
	for at := q.head; at != none; at = e.records.at(at).next {
		if at != slot {
			prev = at
			continue
		}
		next := e.records.at(at).next
		if prev == none {
			q.head = next
		} else {
			e.records.at(prev).next = next
		}
		if next == none {
			q.tail = prev
		}
		return true
	}
	return false
}

// open makes a record for op.
func (e *engine) open(op *driver.Op) uint32 {
	slot, r := e.records.take()
	*r = record{op: op, gen: r.gen + 1, next: none, socket: ref{index: none}, stage: stageSubmitted}
	op.State.Slot, op.State.Gen, op.State.Flight = slot, r.gen, 1
	e.stats.InFlight++
	return slot
}

// retire gives the record back and with it op to its owner.
func (e *engine) retire(slot uint32) *driver.Op {
	r := e.records.at(slot)
	op := r.op
	if s, ok := e.deref(r.socket); ok {
		s.ops--
	}
	*r = record{gen: r.gen}
	e.records.give(slot)
	op.State.Flight = 0
	e.stats.InFlight--
	return op
}
