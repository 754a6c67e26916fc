//go:build linux

package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
)

// arena is memory for what SQEs point to and the kernel copies when it takes
// them: message headers, iovecs, addresses, control messages. It fills up front
// to back and starts over once the submission queue is empty, not before: an SQE
// that enter left in the queue still points here.
type arena struct {
	msgs []unix.Msghdr
	iovs []unix.Iovec
	raw  []byte
	m    int
	v    int
	r    int
}

const (
	maxSegments = 64   // iovecs of one Send
	maxPieces   = 1024 // iovecs that the kernel takes (UIO_MAXIOV)
	arenaIovecs = 4096
	arenaBytes  = 32 << 10
	arenaAlign  = 8       // of control messages
	maxOneSend  = 1 << 30 // bytes of one transfer, well below MAX_RW_COUNT
)

func (a *arena) init(entries int) {
	a.msgs = make([]unix.Msghdr, entries)
	a.iovs = make([]unix.Iovec, arenaIovecs)
	a.raw = make([]byte, arenaBytes)
}

// reset frees everything. The pointers go too, or they would keep memory alive.
func (a *arena) reset() {
	if a.m|a.v|a.r == 0 {
		return
	}
	clear(a.msgs[:a.m])
	clear(a.iovs[:a.v])
	a.m, a.v, a.r = 0, 0, 0
}

// fits reports whether a message with that much still has room.
func (a *arena) fits(iovs, raw int) bool {
	return a.m < len(a.msgs) && a.v+iovs <= len(a.iovs) && a.r+raw <= len(a.raw)
}

// message returns a zero header.
func (a *arena) message() *unix.Msghdr {
	m := &a.msgs[a.m]
	a.m++
	return m
}

// bytes returns n bytes, aligned. They are not zero.
func (a *arena) bytes(n int) []byte {
	b := a.raw[a.r : a.r+n : a.r+n]
	a.r += (n + arenaAlign - 1) &^ (arenaAlign - 1)
	return b
}

// gather returns iovecs for the front of the chain, up to so many pieces and limit
// bytes, and how many bytes they are. Chunks without bytes are left out.
func (a *arena) gather(c *buffers.Chain, pieces, limit int) ([]unix.Iovec, int) {
	start, total := a.v, 0
	for k := c.Front(); k != nil && a.v-start < pieces && total < limit; k = k.Next() {
		b := k.Bytes()
		if len(b) == 0 {
			continue
		}
		b = b[:min(len(b), limit-total)]
		iov := &a.iovs[a.v]
		iov.Base = unsafe.SliceData(b)
		iov.SetLen(len(b))
		a.v++
		total += len(b)
	}
	return a.iovs[start:a.v:a.v], total
}
