package drivertest

import (
	"flag"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/headrace/headrace/runtime/driver"
)

var reuseTests = []test{
	{name: "reuse/in complete", stream: testReuseInComplete},
	{name: "reuse/model", stream: testModel},
}

// testReuseInComplete submits a record anew from inside its final completion, as
// another operation each time.
func testReuseInComplete(h *harness, k kind) {
	s, p := h.pair(k)
	require.NoError(h.t, writeStream(p, 500))
	c := h.call(driver.RecvInto, s)
	buf := make([]byte, 100)
	var got stream
	rounds := 0
	c.then = func(r *driver.Result) {
		if c.op.Code == driver.Send {
			c.discard(r)
		}
		if r.More || r.Err != nil {
			return
		}
		if c.op.Code == driver.Send && !c.out.Empty() {
			c.submit() // a short send
			return
		}
		if rounds++; rounds == 10 {
			return
		}
		if c.op.Code == driver.RecvInto {
			if err := got.verify(buf[:r.N]); err != nil {
				h.t.Errorf("%v", err)
			}
			c.op.Code, c.op.Full = driver.Send, false
			c.put(data(int64(rounds/2)*100, 100))
			c.op.Chain = &c.out
		} else {
			c.op.Code, c.op.Full = driver.RecvInto, true
		}
		c.submit()
	}
	c.op.Buf, c.op.Full = buf, true
	c.submit()
	h.until("rounds", func() bool { return rounds == 10 || c.err != nil })
	require.ErrorIs(h.t, c.err, nil)
	require.EqualValues(h.t, 500, got.off)
	require.NoError(h.t, readStream(p, 0, 500))
}

// testModel submits, cancels, closes and uses again at random, with few records
// that change their code and their connection all the time. Each connection has
// bytes of its own, so that a completion that reaches the wrong record shows.
func testModel(h *harness, k kind) {
	// The outcome hangs on the kernel too: a recorded run would not repeat it.
	require.NoError(h.t, flag.Set("rapid.nofailfile", "true"))
	outer := h.t
	defer func() { h.t = outer }()
	rapid.Check(outer.(*testing.T), func(rt *rapid.T) {
		h.t = rt
		m := newModel(h, k)
		for range rapid.IntRange(1, 80).Draw(rt, "steps") {
			m.step(rt)
		}
		m.finish()
	})
	h.t = outer
}

// model is what the engine should be doing.
type model struct {
	h       *harness
	k       kind
	records []*record
	conns   []*conn
	opened  int64
}

// conn is one connection and what should have passed over it.
type conn struct {
	s       driver.Socket
	p       *peer
	in      stream // received so far
	written int64  // by the peer: in ends there
	outAt   int64  // where the stream of what is sent begins
	sent    int64
	fin     bool // the peer has closed its side
	pending int  // operations in flight, but for the Close
	reading bool
	sending bool
	closing bool
	closed  bool
}

// record is an operation that is used again and again.
type record struct {
	call
	conn *conn
	late bool // submitted after the Close
}

func newModel(h *harness, k kind) *model {
	m := &model{h: h, k: k}
	for range 5 {
		m.records = append(m.records, &record{})
	}
	for range 3 {
		m.conns = append(m.conns, m.open())
	}
	return m
}

func (m *model) open() *conn {
	c := &conn{}
	c.s, c.p = m.h.pair(m.k)
	m.opened++
	c.in.off = m.opened * 7919
	c.written = c.in.off
	c.outAt = m.opened * 104_729
	return c
}

// step does one thing. What makes no sense at the time does nothing.
func (m *model) step(rt *rapid.T) {
	i := rapid.IntRange(0, len(m.conns)-1).Draw(rt, "conn")
	if m.conns[i].closed { // its number may name another socket by now
		m.conns[i] = m.open()
	}
	c := m.conns[i]
	r := m.records[rapid.IntRange(0, len(m.records)-1).Draw(rt, "record")]
	n := rapid.IntRange(1, 5000).Draw(rt, "bytes")
	yes := rapid.Bool().Draw(rt, "yes")
	free := !r.op.InFlight()
	switch rapid.SampledFrom(actions).Draw(rt, "action") {
	case "recv":
		if free && !c.reading {
			m.submit(r, c, driver.Op{Code: driver.Recv})
		}
	case "recvinto":
		if free && !c.reading {
			m.submit(r, c, driver.Op{Code: driver.RecvInto, Buf: make([]byte, n), Full: yes})
		}
	case "send":
		if free && !c.sending {
			r.out.Release()
			r.put(data(c.outAt+c.sent, n))
			m.submit(r, c, driver.Op{Code: driver.Send, Chain: &r.out})
		}
	case "close":
		if free && !c.closing {
			m.submit(r, c, driver.Op{Code: driver.Close, Abort: yes})
		}
	case "cancel":
		m.h.Cancel(&r.op)
	case "peer writes":
		if !c.fin && !c.closing {
			_, err := c.p.Write(data(c.written, n))
			require.NoError(rt, err)
			c.written += int64(n)
		}
	case "peer ends":
		if !c.fin && !c.closing && n > 4000 {
			require.NoError(rt, c.p.closeWrite())
			c.fin = true
		}
	case "poll":
		m.h.poll(0)
	}
}

var actions = []string{
	"recv", "recv", "recvinto", "send", "send", "cancel", "cancel", "peer writes", "peer writes",
	"peer ends", "close", "poll", "poll", "poll",
}

// submit gives r a new task. On a connection that is being closed it must fail.
func (m *model) submit(r *record, c *conn, op driver.Op) {
	out := r.out
	r.call = call{h: m.h, out: out, expect: func(res *driver.Result) { m.completed(r, res) }}
	op.Owner, op.Socket, op.Ext = &r.call, c.s, &r.ext
	r.op, r.conn = op, c
	if op.Chain != nil {
		r.op.Chain = &r.out
	}
	r.late = c.closing
	switch {
	case r.late:
	case op.Code == driver.Close:
		c.closing = true
	case op.Code == driver.Send:
		c.sending = true
		c.pending++
	default:
		c.reading = true
		c.pending++
		if op.Code == driver.Recv {
			r.check = &c.in
		}
	}
	r.submit()
}

// completed holds a completion against the model.
func (m *model) completed(r *record, res *driver.Result) {
	t, c := m.h.t, r.conn
	if r.late {
		if res.Err != net.ErrClosed || res.More {
			t.Errorf("%v after Close: %v", &r.call, res.Err)
		}
		return
	}
	if c.closed {
		t.Errorf("%v completes after the Close of its socket", &r.call)
	}
	switch r.op.Code {
	case driver.RecvInto:
		if err := c.in.verify(r.op.Buf[:res.N]); err != nil {
			t.Errorf("%v: %v", &r.call, err)
		}
		if r.op.Full && res.Err == nil && res.N != len(r.op.Buf) {
			t.Errorf("%v: %d bytes are not all", &r.call, res.N)
		}
		c.reading = res.More
	case driver.Send:
		r.discard(res)
		c.sent += int64(res.N)
		c.sending = res.More
	case driver.Recv:
		c.reading = res.More
	case driver.Close:
		if c.pending > 0 {
			t.Errorf("Close completes before %d others", c.pending)
		}
		c.closed = true
	}
	if res.Err == io.EOF && !(c.fin && c.in.off == c.written) {
		t.Errorf("%v: EOF at byte %d of %d", &r.call, c.in.off, c.written)
	}
	if res.Err != nil && res.Err != io.EOF && res.Err != driver.ErrCanceled {
		t.Errorf("%v: %v", &r.call, res.Err)
	}
	if !res.More && r.op.Code != driver.Close {
		c.pending--
	}
}

// finish ends all operations, receives what is left on the connections that are
// open, and wants it to be complete.
func (m *model) finish() {
	h := m.h
	for _, r := range m.records {
		h.Cancel(&r.op)
		h.until("an end", func() bool { return !r.op.InFlight() })
		r.out.Release()
	}
	for _, c := range m.conns {
		if c.closed {
			continue
		}
		rest := h.call(driver.Recv, c.s)
		rest.check = &c.in
		rest.submit()
		h.until("the rest", func() bool { return c.in.off >= c.written || rest.final })
		require.Equal(h.t, c.written, c.in.off)
		require.NoError(h.t, h.CloseWrite(c.s))
		require.NoError(h.t, readStream(c.p, c.outAt, c.sent))
		require.NoError(h.t, readEOF(c.p))
		h.Cancel(&rest.op)
		h.until("an end", func() bool { return rest.final })
		h.close(c.s)
	}
	h.calls = nil
	h.settle()
}
