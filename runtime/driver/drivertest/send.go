package drivertest

import (
	"syscall"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

var sendTests = []test{
	{name: "send/sizes", stream: testSendSizes},
	{name: "send/long", once: testSendLong},
	{name: "send/segments", stream: testSendSegments},
	{name: "send/slow peer", stream: testSendSlow},
	{name: "send/append", stream: testSendAppend},
	{name: "send/reset", once: testSendReset},
	{name: "send/closed", stream: testSendClosed},
	{name: "send/echo", stream: testEcho},
	{name: "send/both ways", stream: testBothWays},
}

func testSendSizes(h *harness, k kind) {
	s, p := h.pair(k)
	var off int64
	for _, n := range sizes {
		r := h.spawn("peer reads", func() error { return readStream(p, off, n) })
		c := h.send(s, data(off, int(n))).wait()
		require.NoError(h.t, c.err)
		require.EqualValues(h.t, n, c.n)
		h.join(r)
		off += n
	}
	h.close(s)
	require.NoError(h.t, readEOF(p))
}

func testSendLong(h *harness) {
	s, p := h.accepted(tcp4)
	n := long()
	r := h.spawn("peer reads", func() error { return readStream(p, 0, n) })
	require.NoError(h.t, h.send(s, data(0, int(n))).wait().err)
	h.close(s) // what the kernel took still arrives
	h.join(r)
	require.NoError(h.t, readEOF(p))
}

// testSendSegments sends many more pieces than one send gathers, with chunks of
// the pool between those of the caller's memory.
func testSendSegments(h *harness, k kind) {
	s, p := h.pair(k)
	c := h.call(driver.Send, s)
	var off int64
	for i := range 4*h.caps.MaxSegments + 100 {
		n := 1 + i*31%200
		piece := data(off, n)
		if i%3 == 0 {
			chunk := h.pool.Get(n)
			chunk.Extend(copy(chunk.Room(), piece))
			c.out.Append(chunk)
		} else {
			c.put(piece)
		}
		off += int64(n)
	}
	r := h.spawn("peer reads", func() error { return readStream(p, 0, off) })
	require.NoError(h.t, c.sendAll().wait().err)
	h.join(r)
}

// testSendSlow has a peer that does not read. The send takes what there is room
// for and waits with the rest.
func testSendSlow(h *harness, k kind) {
	s, p := h.pair(k)
	require.NoError(h.t, h.SetOption(s, driver.WriteBuffer, 64<<10))
	const n = 16 << 20
	c := h.send(s, data(0, n))
	for range 20 {
		h.poll(0)
	}
	require.False(h.t, c.final && c.out.Empty(), "16 MiB went into a socket that nobody reads")
	r := h.spawn("peer reads", func() error { return readStream(p, 0, n) })
	h.until("send", func() bool { return c.final && (c.err != nil || c.out.Empty()) })
	require.NoError(h.t, c.err)
	h.join(r)
}

// testSendAppend appends to the chain while the kernel has its front.
func testSendAppend(h *harness, k kind) {
	s, p := h.pair(k)
	const piece, pieces = 50_000, 100
	c := h.call(driver.Send, s)
	c.put(data(0, piece))
	c.sendAll()
	r := h.spawn("peer reads", func() error { return readStream(p, 0, piece*pieces) })
	for i := 1; i < pieces; i++ {
		c.put(data(int64(i*piece), piece))
		h.poll(0)
		if !c.op.InFlight() && !c.out.Empty() {
			c.submit()
		}
	}
	h.until("send", func() bool { return c.err != nil || c.final && c.out.Empty() })
	require.NoError(h.t, c.err)
	h.join(r)
}

// testSendReset: the peer is gone. One send may still be taken, and tell a reset;
// after that the pipe is broken.
func testSendReset(h *harness) {
	s, p := h.accepted(tcp4)
	require.NoError(h.t, p.reset())
	r := h.recv(s).wait()
	require.Equal(h.t, syscall.ECONNRESET, r.err)
	c := h.send(s, data(0, 1000)).wait()
	require.Equal(h.t, syscall.EPIPE, c.err)
	require.Zero(h.t, c.n)

	s, p = h.accepted(tcp4)
	const n = 16 << 20
	c = h.send(s, data(0, n))
	for range 10 {
		h.poll(0)
	}
	require.NoError(h.t, p.reset())
	h.until("an error", func() bool { return c.final && c.err != nil })
	require.Contains(h.t, []error{syscall.EPIPE, syscall.ECONNRESET}, c.err)
}

func testSendClosed(h *harness, k kind) {
	s, p := h.pair(k)
	require.NoError(h.t, h.CloseWrite(s))
	c := h.send(s, data(0, 10)).wait()
	require.Equal(h.t, syscall.EPIPE, c.err)
	require.NoError(h.t, readEOF(p))
	h.recvAll(s, p, 100)
}

// echo sends back on s what it receives, and FIN for FIN, and calls done then.
func (h *harness) echo(s driver.Socket, done func()) *call {
	r, c := h.call(driver.Recv, s), h.call(driver.Send, s)
	c.op.Chain = &c.out
	pump := func() {
		if c.op.InFlight() {
			return
		}
		if c.out.Empty() {
			c.out.AppendChain(&r.chain)
		}
		switch {
		case !c.out.Empty() && c.err == nil:
			c.submit()
		case r.final:
			if err := h.CloseWrite(s); err != nil && !h.closed {
				h.t.Errorf("CloseWrite: %v", err)
			}
			if done != nil {
				done()
			}
		}
	}
	c.then = func(res *driver.Result) {
		c.discard(res)
		if !res.More {
			pump()
		}
	}
	r.then = func(*driver.Result) { pump() }
	return r.submit()
}

func testEcho(h *harness, k kind) {
	for _, n := range []int64{1, 1000, 100_000, 5 << 20} {
		s, p := h.accepted(k)
		h.echo(s, nil)
		w := h.spawn("peer writes", func() error {
			if err := writeStream(p, n); err != nil {
				return err
			}
			return p.closeWrite()
		})
		r := h.spawn("peer reads", func() error {
			if err := readStream(p, 0, n); err != nil {
				return err
			}
			return readEOF(p)
		})
		h.join(w, r)
		h.close(s)
	}
}

// testBothWays connects two sockets of one engine.
func testBothWays(h *harness, k kind) {
	a, b := h.both(k)
	const n = 3 << 20
	ra, rb := h.recvStream(a, 0), h.recvStream(b, 0)
	sa, sb := h.send(a, data(0, n)), h.send(b, data(0, n))
	h.until("bytes", func() bool { return ra.n == n && rb.n == n || ra.final || rb.final })
	require.NoError(h.t, ra.err)
	require.NoError(h.t, rb.err)
	sa.wait()
	sb.wait()
}
