package drivertest

import (
	"io"
	"net"
	"syscall"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

var closeTests = []test{
	{name: "close/order", stream: testCloseOrder},
	{name: "close/at once", stream: testCloseAtOnce},
	{name: "close/submit after", stream: testSubmitAfterClose},
	{name: "close/abort", once: testAbort},
	{name: "close/engine", stream: testEngineClose},
	{name: "close/engine submit", once: testEngineCloseSubmit},
}

// testCloseOrder closes with a receive and a send in flight, each with data.
func testCloseOrder(h *harness, k kind) {
	for range 10 {
		s, p := h.pair(k)
		r := h.recvStream(s, 0)
		c := h.call(driver.Send, s)
		c.put(data(0, 8<<20))
		c.op.Chain = &c.out
		c.submit()
		w := h.spawn("peer writes", func() error {
			writeStream(p, 1<<20) // ends with an error when the engine closes
			return nil
		})
		h.until("bytes", func() bool { return r.n > 10_000 || r.final })
		require.NoError(h.t, r.err)
		cl := h.call(driver.Close, s)
		cl.expect = func(*driver.Result) {
			if !r.final || !c.final {
				h.t.Error("Close completed before the others")
			}
		}
		require.NoError(h.t, cl.submit().wait().err)
		require.Equal(h.t, driver.ErrCanceled, r.err)
		p.Close()
		h.join(w)
		c.drop()
	}
}

// testCloseAtOnce closes in the same batch as the operations were submitted.
func testCloseAtOnce(h *harness, k kind) {
	s, p := h.pair(k)
	r := h.recv(s)
	cl := h.call(driver.Close, s).submit()
	require.False(h.t, cl.final, "Submit called back")
	require.NoError(h.t, cl.wait().err)
	require.True(h.t, r.final)
	require.Equal(h.t, driver.ErrCanceled, r.err)
	require.NoError(h.t, readEOF(p))
}

func testSubmitAfterClose(h *harness, k kind) {
	s, p := h.pair(k)
	cl := h.call(driver.Close, s).submit()
	late := []*call{
		h.recv(s), h.recvInto(s, make([]byte, 1), false), h.send(s, data(0, 10)), h.call(driver.Close, s).submit(),
	}
	for _, c := range late {
		require.Equal(h.t, net.ErrClosed, c.wait().err, "%v", c)
	}
	require.NoError(h.t, cl.wait().err)
	require.NoError(h.t, readEOF(p), "a send went out after Close")
	require.Equal(h.t, net.ErrClosed, h.recv(driver.NoSocket).wait().err)
}

// testAbort: the peer sees a reset after Abort, and an orderly end without.
func testAbort(h *harness) {
	for _, abort := range []bool{true, false} {
		s, p := h.accepted(tcp4)
		h.send(s, data(0, 10)).wait()
		require.NoError(h.t, readStream(p, 0, 10))
		r := h.recv(s)
		h.settle()
		cl := h.call(driver.Close, s)
		cl.op.Abort = abort
		require.NoError(h.t, cl.submit().wait().err)
		require.Equal(h.t, driver.ErrCanceled, r.err)
		_, err := p.Read(make([]byte, 1))
		if abort {
			require.ErrorIs(h.t, err, syscall.ECONNRESET)
		} else {
			require.Equal(h.t, io.EOF, err)
		}
	}
}

// testEngineClose leaves everything in flight to Engine.Close.
func testEngineClose(h *harness, k kind) {
	ln, addr := h.listen(k)
	a := h.accept(ln)
	h.dial(addr)
	h.until("accept", func() bool { return len(a.sockets) > 0 || a.final })
	idle := h.recv(a.socket())

	s, p := h.pair(k)
	w := h.spawn("peer writes", func() error {
		writeStream(p, 1<<30) // until the engine closes
		return nil
	})
	r := h.recvStream(s, 0)
	c := h.call(driver.Send, s)
	c.put(data(0, 8<<20))
	c.op.Chain = &c.out
	c.submit()
	h.until("bytes", func() bool { return r.n > 100_000 || r.final })
	closing, _ := h.pair(k)
	cr, cl := h.recv(closing), h.call(driver.Close, closing).submit()

	h.end()
	for _, c := range []*call{a, idle, r, cr} {
		require.Equal(h.t, driver.ErrCanceled, c.err, "%v", c)
	}
	require.True(h.t, c.final)
	require.NoError(h.t, cl.err)
	for !w.done.Load() {
		p.Read(make([]byte, 64<<10))
	}
	if conn, err := net.Dial(addr.Network(), addr.String()); err == nil {
		conn.Close()
		h.t.Error("a listener is open after Engine.Close")
	}
}

// testEngineCloseSubmit has owners that go on submitting while the engine closes.
func testEngineCloseSubmit(h *harness) {
	s, _ := h.pair(tcp4)
	r := h.call(driver.Recv, s)
	var errs []error
	r.then = func(res *driver.Result) {
		if errs = append(errs, res.Err); len(errs) < 3 {
			r.submit()
		}
	}
	r.submit()
	h.settle()
	h.end()
	require.Equal(h.t, []error{driver.ErrCanceled, net.ErrClosed, net.ErrClosed}, errs)
}
