//go:build linux

package epoll

import (
	"io"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

const (
	// chunksPerTurn bounds what one socket receives before others have their turn.
	chunksPerTurn = 4
	// recvMax bounds one call of RecvInto.
	recvMax = 256 << 10
	// bulkSize is what a socket with more than a chunk holds gets for the rest.
	bulkSize = 64 << 10
)

// pumpRead gives the reading side of a socket its turn and tells whether there is
// more to do.
func (e *engine) pumpRead(index uint32, s *socket) (again bool) {
	for s.pendingRead() {
		slot := s.rd.head
		ended := false
		switch r := e.records.at(slot); r.op.Code {
		case driver.Accept:
			ended = e.accept(index, s, slot)
		case driver.Recv:
			ended = e.recv(index, s, slot)
		case driver.RecvInto:
			ended = e.recvInto(index, s, slot, r)
		case driver.RecvPipe:
			ended = e.recvPipe(index, s, slot, r.op)
		case driver.RecvFrom:
			ended = e.recvFrom(index, s, slot)
		}
		if !ended {
			return s.pendingRead()
		}
		e.unlink(&s.rd, slot)
	}
	return false
}

// recv receives into chunks and tells whether the operation came to its end.
func (e *engine) recv(index uint32, s *socket, slot uint32) bool {
	size := e.cfg.RecvBufferSize
	for range chunksPerTurn {
		c := e.chunk(size)
		if c == nil && size > e.cfg.RecvBufferSize {
			size = e.cfg.RecvBufferSize // memory is short
			c = e.chunk(size)
		}
		if c == nil {
			e.starve(index, s)
			return false
		}
		s.flags &^= starved
		room := c.Room()
		room = room[:min(len(room), size)]
		n, errno := sock.Recv(s.fd, room)
		if n > 0 {
			c.Extend(n)
			e.took(n)
			e.emit(slot, driver.Result{Chunk: c})
			if n < len(room) && e.drained(index, s) || e.received >= turnBytes {
				return false
			}
			size = max(size, bulkSize)
			continue
		}
		e.keep(c)
		return e.recvEnd(index, s, slot, 0, errno)
	}
	return false
}

// drained tells, after a read that came short, that the next would find nothing,
// so that it need not be made: what comes later makes an edge. True for TCP; unix
// sockets also stop short between messages that carry descriptors, and TCP does
// at urgent data.
func (e *engine) drained(index uint32, s *socket) bool {
	if s.kind != kindTCP || s.is(hungUp) {
		return false
	}
	e.empty(index, s)
	return true
}

// recvEnd is for a call that brought no bytes.
func (e *engine) recvEnd(index uint32, s *socket, slot uint32, had int, errno unix.Errno) bool {
	switch errno {
	case unix.EAGAIN:
		e.empty(index, s)
		return false
	case 0:
		e.finish(slot, driver.Result{N: had, Err: io.EOF})
	default:
		e.finish(slot, driver.Result{N: had, Err: errno})
	}
	return true
}

// recvInto receives into the caller's memory.
func (e *engine) recvInto(index uint32, s *socket, slot uint32, r *record) bool {
	op := r.op
	for range chunksPerTurn {
		room := op.Buf[r.done:]
		room = room[:min(len(room), recvMax)]
		n, errno := sock.Recv(s.fd, room)
		if n <= 0 {
			return e.recvEnd(index, s, slot, r.done, errno)
		}
		r.done += n
		e.took(n)
		if n < len(room) {
			e.drained(index, s)
		}
		if !op.Full || r.done == len(op.Buf) {
			e.finish(slot, driver.Result{N: r.done})
			return true
		}
		if !s.is(readable) || e.received >= turnBytes {
			return false
		}
	}
	return false
}

func (e *engine) took(n int) {
	e.received += n
	e.stats.BytesIn += uint64(n)
}

// chunk returns an empty chunk, nil when the pool's budget is spent.
func (e *engine) chunk(size int) *buffers.Chunk {
	if c := e.spare; c != nil && e.cfg.Pool.ClassFor(c.Cap()) == e.cfg.Pool.ClassFor(size) {
		e.spare = nil
		return c
	}
	if e.dry {
		return nil
	}
	c := e.cfg.Pool.Get(size)
	e.dry = c == nil && size <= e.cfg.RecvBufferSize
	return c
}

// keep takes back a chunk that nothing was received into: the next socket of the
// turn gets it, still warm, or the pool at the turn's end.
func (e *engine) keep(c *buffers.Chunk) {
	if e.spare != nil {
		e.spare.Release()
	}
	e.spare = c
}

// starve parks a socket for which there is no chunk.
func (e *engine) starve(index uint32, s *socket) {
	if !s.is(starved) {
		s.flags |= starved
		e.stats.NoBuffers++
	}
	e.park(index, s)
}
