package portable

import (
	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// scratchSize is what a receive that waits holds: enough for most requests, and
// less than the stack of the goroutine that waits.
const scratchSize = 1 << 10

func (e *engine) scratch() []byte {
	if n := len(e.scratches); n > 0 {
		b := e.scratches[n-1]
		e.scratches = e.scratches[:n-1]
		return b
	}
	return make([]byte, scratchSize)
}

// dropMemory gives back what fl holds.
func (e *engine) dropMemory(fl *flight) {
	switch {
	case fl.chunk != nil:
		fl.chunk.Release()
		fl.chunk = nil
	case cap(fl.buf) == scratchSize:
		e.scratches = append(e.scratches, fl.buf[:scratchSize])
	}
	fl.buf = nil
}

// pack moves what fl has read into a chunk of its size. It tells false when there is
// none, or others came first. A RecvFrom reads into its block again.
func (e *engine) pack(fl *flight) bool {
	if fl.phase != starved && !e.hungry.empty() {
		return false
	}
	c := e.pool.Get(max(1, fl.n))
	if c == nil {
		return false
	}
	n := copy(c.Room(), fl.buf[:fl.n])
	fl.chunk = c
	if fl.op.Code == driver.RecvFrom {
		c.Extend(n)
		fl.msg.Truncated = fl.msg.Truncated || n < fl.n
		return true
	}
	if cap(fl.buf) == scratchSize {
		e.scratches = append(e.scratches, fl.buf[:scratchSize])
	}
	fl.buf = nil
	return true
}

// keepUnread leaves what a Recv has read, and can not deliver, to the next one.
func (e *engine) keepUnread(fl *flight) {
	if fl.op.Code == driver.Recv {
		fl.s.held = fl.buf[:fl.n]
		fl.buf = nil
	}
}

// get returns a chunk of n bytes, or a smaller one when there is nothing else.
func (e *engine) get(n int) *buffers.Chunk {
	if c := e.pool.Get(n); c != nil {
		return c
	}
	return e.pool.Get(1)
}

// starve puts fl behind the others that wait for memory. The first to wait takes
// back the chunks of reads that hold one and have nothing yet.
func (e *engine) starve(fl *flight) {
	e.stats.NoBuffers++
	first := e.hungry.empty()
	fl.phase = starved
	e.hungry.push(fl)
	if !first {
		return
	}
	for _, other := range e.flights {
		if other.op != nil && other.op.Code == driver.Recv && other.phase == running &&
			other.chunk != nil && !other.canceled {
			other.kicked = true
			other.s.interruptRead()
		}
	}
}

// feed serves those that wait for memory, in their order, while there is some.
func (e *engine) feed() {
	for fl := e.hungry.first; fl != nil; fl = e.hungry.first {
		if fl.op.Code != driver.SendFile {
			if !e.pack(fl) {
				return
			}
		} else if fl.chunk = e.get(e.recvSize); fl.chunk == nil {
			return
		}
		e.hungry.pop()
		switch fl.op.Code {
		case driver.Recv:
			e.deliverRead(fl)
		case driver.RecvFrom:
			e.deliverFrom(fl)
		case driver.SendFile:
			e.sendFile(fl)
		}
	}
}
