package faults

import (
	"fmt"
	"strings"
	"sync/atomic"
)

// Kind is a kind of fault.
type Kind uint8

// The kinds of faults.
const (
	// ShortRecv splits received chunks in two and fills Buf of RecvInto by pieces.
	ShortRecv Kind = iota
	// ShortSend lets the engine see the first bytes only of what is to be sent or
	// written.
	ShortSend
	// Delay holds completions back, so that they overtake each other. Those of one
	// operation stay in order, and those of a socket come before its Close has.
	Delay
	// LateCancel holds Cancel back: the operation may end well before, or deliver
	// chunks and sockets after.
	LateCancel
	// LateRelease ends a Send as zero-copy ones end: bytes taken first, and their
	// memory given back with a completion of its own, later. What is in the memory
	// until then must not change, which is checked.
	LateRelease
	// IdlePoll returns from Poll at once, with nothing done.
	IdlePoll
	// EarlyEnd ends a repeating operation with a completion that is final and no
	// error, as multishot operations end.
	EarlyEnd
	// NoDescriptors ends Accept and Connect with EMFILE or ENFILE.
	NoDescriptors
	// Reset cuts a connection: what is in flight on it and comes after it fails
	// with ECONNRESET or EPIPE, and its Close sends a reset.
	Reset
	// NoSpace fails WriteAt with ENOSPC.
	NoSpace
	// LostDatagram drops a datagram that was received, as the network may.
	LostDatagram
	// NoBuffers fails SendTo with ENOBUFS, as a full device queue does.
	NoBuffers
	// RefusedEnter has an engine that can be told so (io_uring) take its enter as
	// refused: EINTR, EAGAIN or EBUSY.
	RefusedEnter

	// KindCount is the number of kinds.
	KindCount
)

var kindNames = [KindCount]string{
	"short recv", "short send", "delay", "late cancel", "late release", "idle poll",
	"early end", "no descriptors", "reset", "no space", "lost datagram", "no buffers", "refused enter",
}

// String returns the name of the kind, in lower case.
func (k Kind) String() string {
	if k < KindCount {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Config says which faults there are. A copy may be in use by several engines.
type Config struct {
	// Seed makes the choice. Every loop has a sequence of its own.
	Seed uint64
	// Reseed, if not nil, has the sequences start anew whenever the seed found there
	// changes, so that one runtime can serve several runs that each repeat. It wins
	// over Seed.
	Reseed *atomic.Uint64
	// Percent is how likely each kind of fault is where it is possible.
	Percent [KindCount]int
	// Counts, if not nil, counts the faults.
	Counts *Counts
	// Fail is called, on the loop, with what the owner of an operation did against
	// the contract. By default that panics.
	Fail func(error)
}

// Contract returns the faults that the contract allows an engine at any time.
func Contract(seed uint64) Config {
	c := Config{Seed: seed}
	for _, k := range []Kind{ShortRecv, ShortSend, Delay, LateCancel, LateRelease} {
		c.Percent[k] = 25
	}
	c.Percent[IdlePoll] = 5
	c.Percent[RefusedEnter] = 5
	return c
}

// Harmless returns the faults that end no connection and cost no byte of a stream:
// those of Contract, early ends, and datagrams that are lost.
func Harmless(seed uint64) Config {
	c := Contract(seed)
	c.Percent[EarlyEnd] = 10
	c.Percent[LostDatagram] = 2
	c.Percent[NoBuffers] = 2
	return c
}

// All returns all faults; those that cut connections are rare.
func All(seed uint64) Config {
	c := Harmless(seed)
	c.Percent[NoDescriptors] = 5
	c.Percent[Reset] = 1
	c.Percent[NoSpace] = 10
	return c
}

// Counts tells how often each kind of fault happened. It may be read and used
// from any goroutine.
type Counts struct{ n [KindCount]atomic.Uint64 }

// Of returns how many faults of a kind there were.
func (c *Counts) Of(k Kind) uint64 { return c.n[k].Load() }

// String lists all counts, for the log of a test.
func (c *Counts) String() string {
	var b strings.Builder
	for k := range KindCount {
		fmt.Fprintf(&b, "%v %d, ", k, c.Of(k))
	}
	return strings.TrimSuffix(b.String(), ", ")
}
