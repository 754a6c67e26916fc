package drivertest

import (
	"net"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

var acceptTests = []test{
	{name: "accept/repeats", stream: testAcceptRepeats},
	{name: "accept/cancel", stream: testAcceptCancel},
	{name: "accept/cancel with connections", stream: testAcceptCancelRace},
	{name: "accept/close", stream: testAcceptClose},
	{name: "accept/descriptors", once: testAcceptDescriptors},
}

func testAcceptRepeats(h *harness, k kind) {
	const conns = 20
	ln, addr := h.listen(k)
	a := h.accept(ln)
	peers := map[string]*peer{}
	for range conns {
		p := h.dial(addr)
		peers[p.LocalAddr().String()] = p
	}
	h.until("accepts", func() bool { return len(a.sockets) == conns || a.final })
	require.True(h.t, a.op.InFlight(), "accept ended by itself: %v", a.err)
	distinct := map[driver.Socket]bool{}
	for _, s := range a.sockets {
		distinct[s] = true
		require.Equal(h.t, addr.String(), h.LocalAddr(s).String())
		if k.isTCP() {
			require.Contains(h.t, peers, h.RemoteAddr(s).String())
		}
		h.send(s, data(0, 100)).wait()
		h.close(s)
	}
	require.Len(h.t, distinct, conns)
	for _, p := range peers {
		require.NoError(h.t, readStream(p, 0, 100))
		require.NoError(h.t, readEOF(p))
	}
}

// testAcceptCancel: a connection that comes after the Accept ended stays in the
// backlog for the next.
func testAcceptCancel(h *harness, k kind) {
	ln, addr := h.listen(k)
	a := h.accept(ln)
	h.settle()
	require.Equal(h.t, driver.ErrCanceled, a.cancel().err)
	require.Empty(h.t, a.sockets)
	p := h.dial(addr)
	for range 3 {
		h.poll(0)
	}
	a.submit()
	h.until("accept", func() bool { return len(a.sockets) > 0 || a.final })
	s := a.sockets[0]
	_, err := p.Write(data(0, 10))
	require.NoError(h.t, err)
	r := h.recvStream(s, 0)
	h.until("bytes", func() bool { return r.n == 10 || r.final })
	require.Equal(h.t, driver.ErrCanceled, a.cancel().err)
}

// testAcceptCancelRace cancels while connections come: each is delivered, if not
// by the Accept that was cancelled then by the next.
func testAcceptCancelRace(h *harness, k kind) {
	const conns = 60
	ln, addr := h.listen(k)
	a := h.call(driver.Accept, ln)
	got := 0
	a.then = func(r *driver.Result) {
		if r.Err == nil {
			got++
			h.send(r.Socket, data(0, 10))
		}
	}
	var peers []*peer
	for i := range conns {
		a.submit()
		if i%2 == 0 {
			h.poll(0)
		}
		peers = append(peers, h.dial(addr))
		require.Equal(h.t, driver.ErrCanceled, a.cancel().err)
	}
	a.submit()
	h.until("accepts", func() bool { return got == conns || a.final })
	for _, p := range peers {
		read := h.spawn("peer reads", func() error { return readStream(p, 0, 10) })
		h.join(read)
	}
}

// testAcceptClose: what was accepted before lives on.
func testAcceptClose(h *harness, k kind) {
	ln, addr := h.listen(k)
	a := h.accept(ln)
	p := h.dial(addr)
	h.until("accept", func() bool { return len(a.sockets) > 0 || a.final })
	s := a.socket()
	c := h.call(driver.Close, ln)
	c.expect = func(*driver.Result) {
		if !a.final {
			h.t.Error("Close completed before the Accept")
		}
	}
	c.submit().wait()
	require.NoError(h.t, c.err)
	require.Equal(h.t, driver.ErrCanceled, a.err)
	if conn, err := net.Dial(addr.Network(), addr.String()); err == nil {
		conn.Close()
		h.t.Error("the address of a closed listener still answers")
	}
	h.send(s, data(0, 10)).wait()
	require.NoError(h.t, readStream(p, 0, 10))
}
