package drivertest

import (
	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

var cancelTests = []test{
	{name: "cancel/recv", stream: testCancelRecv},
	{name: "cancel/recvinto", stream: testCancelRecvInto},
	{name: "cancel/send", stream: testCancelSend},
	{name: "cancel/idle record", once: testCancelIdle},
	{name: "cancel/at once", stream: testCancelAtOnce},
	{name: "cancel/from complete", stream: testCancelFromComplete},
}

func testCancelRecv(h *harness, k kind) {
	s, p := h.pair(k)
	r := h.recvStream(s, 0)
	h.settle()
	require.Equal(h.t, driver.ErrCanceled, r.cancel().err)
	require.NoError(h.t, writeStream(p, 100))
	h.settle() // a completion after the final one would fail the test
	r.submit()
	h.until("bytes", func() bool { return r.n == 100 || r.final })
	require.NoError(h.t, r.err)
}

func testCancelRecvInto(h *harness, k kind) {
	s, p := h.pair(k)
	buf := make([]byte, 100)
	for _, full := range []bool{false, true} {
		c := h.recvInto(s, buf, full)
		h.settle()
		require.Equal(h.t, driver.ErrCanceled, c.cancel().err)
		require.Zero(h.t, c.n)
	}
	require.NoError(h.t, writeStream(p, 100))
	c := h.recvInto(s, buf, true).wait()
	require.NoError(h.t, c.err)
	require.NoError(h.t, (&stream{}).verify(buf))
}

// testCancelSend fills a socket that nobody reads and cancels what waits. What
// was taken until then arrives, and nothing else.
func testCancelSend(h *harness, k kind) {
	s, p := h.pair(k)
	c := h.call(driver.Send, s)
	c.put(data(0, 32<<20))
	c.op.Chain = &c.out
	var taken int64
	c.then = func(r *driver.Result) {
		c.discard(r)
		taken += int64(r.N)
	}
	for c.err == nil {
		c.submit()
		for range 10 {
			h.poll(0)
		}
		c.cancel()
	}
	require.Equal(h.t, driver.ErrCanceled, c.err)
	require.Less(h.t, taken, int64(32<<20))
	require.NoError(h.t, h.CloseWrite(s))
	require.NoError(h.t, readStream(p, 0, taken))
	require.NoError(h.t, readEOF(p))
}

// testCancelIdle: nothing happens to a record that is not in flight.
func testCancelIdle(h *harness) {
	s, p := h.pair(tcp4)
	var never driver.Op
	h.Cancel(&never)
	r := h.recvStream(s, 0)
	r.cancel()
	h.Cancel(&r.op)
	require.Zero(h.t, h.poll(0))
	r.submit()
	require.NoError(h.t, writeStream(p, 10))
	h.until("bytes", func() bool { return r.n == 10 || r.final })
	require.NoError(h.t, r.err)
}

// testCancelAtOnce cancels before the operation had a chance to start, and twice.
func testCancelAtOnce(h *harness, k kind) {
	s, p := h.pair(k)
	ln, _ := h.listen(k)
	for range 50 {
		r, a := h.recv(s), h.accept(ln)
		for _, c := range []*call{r, a} {
			h.Cancel(&c.op)
			h.Cancel(&c.op)
			require.False(h.t, c.final, "Cancel called back")
		}
		require.Equal(h.t, driver.ErrCanceled, r.wait().err)
		require.Equal(h.t, driver.ErrCanceled, a.wait().err)
	}
	h.recvAll(s, p, 1000)
}

// testCancelFromComplete: what was received already may still come, in order.
func testCancelFromComplete(h *harness, k kind) {
	s, p := h.pair(k)
	const total = 1 << 20
	w := h.spawn("peer writes", func() error { return writeStream(p, total) })
	r := h.call(driver.Recv, s)
	r.check = &stream{}
	r.then = func(res *driver.Result) {
		if res.More {
			h.Cancel(&r.op)
		}
	}
	for r.check.off < total {
		require.Equal(h.t, driver.ErrCanceled, r.submit().wait().err)
	}
	h.join(w)
}
