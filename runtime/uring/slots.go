//go:build linux

package uring

import (
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// slot is the engine's record of one operation in flight.
//
// An operation is in one place at a time: armed (the ring or the kernel holds an
// SQE of it, and a final CQE will come), in one of the engine's lists, or idle
// while its completion is being delivered. It fills one cache line.
type slot struct {
	op      *driver.Op
	chunk   *buffers.Chunk // SendFile: what was read of a cold range
	extra   *extra         // of the rarer operations
	want    int            // bytes asked for; RecvInto: done so far; Recv: see bulk.go; Close: see setAside
	gen     uint32
	fd      int32
	prev    uint32 // neighbours in the list that where names
	next    uint32 // also links free slots
	flags   slotFlags
	where   where
	step    step
	heard   uint8 // Recv: looks that go by before the engine looks at its socket
	spurned uint8 // times that the kernel cancelled the operation by itself
	_       [10]byte
}

// extra is what few operations need; it stays with its slot, for the next one.
type extra struct {
	addr sock.Sockaddr // Connect: the peer
	tmpl unix.Msghdr   // RecvFrom: room for name and control messages
	long *longDatagram // RecvFrom of datagrams that no provided buffer holds
}

func (s *slot) ext() *extra {
	if s.extra == nil {
		s.extra = &extra{}
	}
	return s.extra
}

func (s *slot) dropChunk() {
	if s.chunk != nil {
		s.chunk.Release()
		s.chunk = nil
	}
}

type slotFlags uint16

const (
	// armed: a final CQE will come.
	armed slotFlags = 1 << iota
	// canceled: the owner asked for an end.
	canceled
	// failed: a zero-copy send has failed; its notification is still to come.
	failed
	// landed: a zero-copy send is done, but its notification is still to come.
	landed
	// fed: a receive got something since it was armed.
	fed
	// rationed: a receive is to take one buffer and no more, because others wait.
	rationed
	// anonymous: the operation counts on no socket.
	anonymous
	// bulky: Poll is to receive, see bulk.go.
	bulky
	// polled: the request only waits until there is something to receive, or to accept.
	polled
	// untried: the socket is said to have something, and nobody has looked yet.
	untried
	// fixedMem: the request uses registered memory.
	fixedMem
	// lastTry: an Accept takes what there is though its listener is closing.
	lastTry
)

// where names the list that a slot is in.
type where uint8

const (
	nowhere    where = iota
	inBacklog        // for room in the submission queue
	inStarved        // for receive buffers
	inReadable       // for Poll to receive
	inFiles          // for Poll to move file bytes
	inCancels        // armed, and a cancel request is to be sent
	inLater          // until the next tick
	listCount
)

// list is a queue of slots, linked through the table.
type list struct {
	head, tail uint32
	n          int
}

// slots is the table. Index 0 is never used, so that 0 means none.
type slots struct {
	all   []slot
	free  uint32
	used  int
	lists [listCount]list
}

const slotsAtFirst = 256

func (t *slots) init() { t.all = make([]slot, 1, slotsAtFirst) }

// take returns a free slot. The pointer is valid until the next take.
func (t *slots) take() (uint32, *slot) {
	i := t.free
	if i == 0 {
		t.all = append(t.all, slot{})
		i = uint32(len(t.all) - 1)
		if i > maxSlot {
			panic("uring: more than 2^30 operations in flight")
		}
	}
	s := &t.all[i]
	t.free = s.next
	s.next = 0
	t.used++
	return i, s
}

// put frees a slot. Its generation moves on, so that no completion finds it.
func (t *slots) put(i uint32) {
	s := &t.all[i]
	if s.where != nowhere {
		t.remove(i)
	}
	s.op, s.chunk = nil, nil
	s.want, s.step, s.flags, s.heard, s.spurned = 0, 0, 0, 0, 0
	s.gen++
	s.next = t.free
	t.free = i
	t.used--
}

// push puts slot i at the end of a list. It must be in none.
func (t *slots) push(w where, i uint32) {
	s := &t.all[i]
	if s.where != nowhere {
		panic("uring: slot is in two lists")
	}
	l := &t.lists[w]
	s.where, s.prev, s.next = w, l.tail, 0
	if l.tail == 0 {
		l.head = i
	} else {
		t.all[l.tail].next = i
	}
	l.tail = i
	l.n++
}

// pushFront puts slot i at the front of a list. It must be in none.
func (t *slots) pushFront(w where, i uint32) {
	l := &t.lists[w]
	if l.n == 0 {
		t.push(w, i)
		return
	}
	s := &t.all[i]
	if s.where != nowhere {
		panic("uring: slot is in two lists")
	}
	s.where, s.prev, s.next = w, 0, l.head
	t.all[l.head].prev = i
	l.head = i
	l.n++
}

// pop takes the first slot off a list, which must have one.
func (t *slots) pop(w where) uint32 {
	i := t.lists[w].head
	t.remove(i)
	return i
}

// remove takes slot i off the list that it is in.
func (t *slots) remove(i uint32) {
	s := &t.all[i]
	l := &t.lists[s.where]
	if s.prev == 0 {
		l.head = s.next
	} else {
		t.all[s.prev].next = s.next
	}
	if s.next == 0 {
		l.tail = s.prev
	} else {
		t.all[s.next].prev = s.prev
	}
	s.where, s.prev, s.next = nowhere, 0, 0
	l.n--
}

// user_data is the generation in the upper half; below it two bits say what the
// other thirty are.
const (
	tagOp     = 0 << 30 // index of the operation's slot
	tagCancel = 1 << 30 // cancel request for the operation in that slot
	tagSocket = 2 << 30 // cancel request for everything on that descriptor
	tagOwn    = 3 << 30 // the engine's own requests, by number

	tagMask = 3 << 30
	maxSlot = 1<<30 - 1
)

func userData(gen, low uint32) uint64 { return uint64(gen)<<32 | uint64(low) }
