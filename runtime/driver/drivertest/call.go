package drivertest

import (
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// call is an operation of a test and what came of it. It owns its record.
type call struct {
	h   *harness
	op  driver.Op
	ext driver.Ext

	completions int
	final       bool
	n           int // of all completions together
	taken       int // of the chain, and not discarded yet
	err         error
	sockets     []driver.Socket
	chain       buffers.Chain // received
	out         buffers.Chain // to send

	check  *stream                // what is received must be this, if not nil
	expect func(*driver.Result)   // sees each completion before the above
	then   func(r *driver.Result) // called last, for a test to go on in Complete
}

func (c *call) String() string {
	return fmt.Sprintf("%v on socket %d (%d completions, n=%d, err=%v)",
		c.op.Code, c.op.Socket, c.completions, c.n, c.err)
}

// call makes a record that is not submitted yet.
func (h *harness) call(code driver.Code, s driver.Socket) *call {
	c := &call{h: h}
	c.op = driver.Op{Code: code, Owner: c, Socket: s}
	c.op.Ext = &c.ext
	h.calls = append(h.calls, c)
	return c
}

// submit gives c to the engine, anew if it was there before.
func (c *call) submit() *call {
	c.completions, c.final, c.n, c.taken, c.err, c.sockets = 0, false, 0, 0, nil, nil
	c.h.Engine.Submit(&c.op)
	return c
}

// Complete implements [driver.Completer]. It holds each completion against what
// the contract says of all of them.
func (c *call) Complete(op *driver.Op, r *driver.Result) {
	t := c.h.t
	switch {
	case op != &c.op:
		t.Errorf("Complete with the record of another owner: %v", op.Code)
	case c.final:
		t.Errorf("a completion after the final one: %v, then %+v", c, *r)
	case !c.h.polling:
		t.Errorf("Complete from outside Poll and Close: %v", c)
	case c.h.calling:
		t.Errorf("Complete inside Complete: %v", c)
	case op.InFlight() != r.More:
		t.Errorf("InFlight is %v in a completion of %v with More %v", op.InFlight(), c, r.More)
	}
	c.h.calling = true
	defer func() { c.h.calling = false }()
	if c.expect != nil {
		c.expect(r)
	}
	c.record(r)
	if c.then != nil {
		c.then(r)
	}
}

func (c *call) record(r *driver.Result) {
	t := c.h.t
	c.completions++
	c.final = !r.More
	c.n += r.N
	if r.Err != nil {
		c.err = r.Err
		if r.More {
			t.Errorf("an error in a completion that is not final: %v", c)
		}
	}
	switch c.op.Code {
	case driver.Accept, driver.Connect:
		if r.Err == nil {
			c.sockets = append(c.sockets, r.Socket)
		}
	case driver.Recv, driver.RecvFrom:
		c.receive(r)
	default:
		if r.Chunk != nil {
			t.Errorf("a chunk from %v", c)
		}
	}
}

func (c *call) receive(r *driver.Result) {
	if r.Chunk == nil {
		if r.Err == nil {
			c.h.t.Errorf("neither a chunk nor an error from %v", c)
		}
		return
	}
	if r.Chunk.Len() == 0 && c.op.Code == driver.Recv {
		c.h.t.Errorf("an empty chunk from %v", c)
	}
	c.n += r.Chunk.Len()
	if c.check == nil {
		c.chain.Append(r.Chunk)
		return
	}
	if err := c.check.verify(r.Chunk.Bytes()); err != nil {
		c.h.t.Errorf("%v: %v", c, err)
	}
	r.Chunk.Release()
}

// wait polls until c is over.
func (c *call) wait() *call {
	c.h.t.Helper()
	c.h.until(c.op.Code.String(), func() bool { return c.final })
	return c
}

// cancel asks for c to end and waits for that.
func (c *call) cancel() *call {
	c.h.t.Helper()
	c.h.Engine.Cancel(&c.op)
	return c.wait()
}

// drop releases what c holds.
func (c *call) drop() {
	c.chain.Release()
	if !c.op.InFlight() {
		c.out.Release()
	}
}

// The operations. Each returns a call that is submitted already.

func (h *harness) accept(ln driver.Socket) *call { return h.call(driver.Accept, ln).submit() }

func (h *harness) recv(s driver.Socket) *call { return h.call(driver.Recv, s).submit() }

// recvStream starts a Recv whose bytes are to be those of the stream from off on.
func (h *harness) recvStream(s driver.Socket, off int64) *call {
	c := h.call(driver.Recv, s)
	c.check = &stream{off: off}
	return c.submit()
}

func (h *harness) recvInto(s driver.Socket, buf []byte, full bool) *call {
	c := h.call(driver.RecvInto, s)
	c.op.Buf, c.op.Full = buf, full
	return c.submit()
}

// send sends all of p, by as many operations as it takes.
func (h *harness) send(s driver.Socket, p []byte) *call {
	c := h.call(driver.Send, s)
	c.put(p)
	return c.sendAll()
}

// put adds p to what c sends, in a chunk over p itself.
func (c *call) put(p []byte) {
	c.out.Append(buffers.Wrap(p, nil))
}

// sendAll submits c until its chain is empty or it fails.
func (c *call) sendAll() *call {
	c.op.Chain = &c.out
	total := 0
	c.then = func(r *driver.Result) {
		total += r.N
		c.n = total
		if r.N < 0 || c.taken+r.N > c.out.Len() {
			c.h.t.Errorf("Send took %d of %d bytes", c.taken+r.N, c.out.Len())
			return
		}
		if c.discard(r) == 0 && r.Err == nil && !r.More {
			c.h.t.Errorf("Send took nothing and says no error")
			return
		}
		if !r.More && r.Err == nil && !c.out.Empty() {
			c.submit()
		}
	}
	return c.submit()
}

// discard drops from the chain what a Send took, once it is over: until then the
// memory is the engine's. It returns how much that was.
func (c *call) discard(r *driver.Result) (n int) {
	c.taken += r.N
	if r.More {
		return 0
	}
	n, c.taken = c.taken, 0
	c.out.Discard(n)
	return n
}

// close closes s and waits for that.
func (h *harness) close(s driver.Socket) {
	h.t.Helper()
	c := h.call(driver.Close, s).submit().wait()
	require.NoError(h.t, c.err, "Close")
}
