package drivertest

import (
	"io"
	"net"
	"os"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

var attachTests = []test{
	{name: "attach/move", stream: testMove},
	{name: "attach/move listener", stream: testMoveListener},
	{name: "attach/busy", stream: testDetachBusy},
	{name: "attach/close detached", stream: testDetachClose},
	{name: "attach/from net", stream: testAttachNet},
	{name: "attach/from file", stream: testAttachFile},
	{name: "attach/shared listener", stream: testSharedListener},
	{name: "attach/packets", once: testAttachPackets},
	{name: "attach/nonsense", once: testAttachNonsense},
}

// needAttach skips the test when sockets can not move.
func (h *harness) needAttach() {
	if !h.caps.Attach {
		h.t.Skip("the engine says that sockets can not move")
	}
}

// move takes s from h to g.
func (h *harness) move(s driver.Socket, g *harness) driver.Socket {
	h.t.Helper()
	d, err := h.Detach(s)
	require.NoError(h.t, err)
	require.Nil(h.t, h.LocalAddr(s))
	moved, err := g.Attach(d)
	require.NoError(h.t, err)
	return moved
}

// testMove moves a connection to and fro while its peer goes on sending.
func testMove(h *harness, k kind) {
	h.needAttach()
	const total = 1 << 20
	g := h.another()
	s, p := h.accepted(k)
	addr := h.LocalAddr(s).String()
	w := h.spawn("peer writes", func() error { return writeStream(p, total) })
	got := &stream{}
	from, to := h, g
	for got.off < total {
		r := from.call(driver.Recv, s)
		r.check = got
		r.submit()
		at := min(total, got.off+100_000)
		from.until("bytes", func() bool { return got.off >= at || r.final })
		require.Equal(h.t, driver.ErrCanceled, r.cancel().err)
		s = from.move(s, to)
		require.Equal(h.t, addr, to.LocalAddr(s).String())
		from, to = to, from
	}
	h.join(w)
	from.send(s, data(0, 100)).wait()
	require.NoError(h.t, readStream(p, 0, 100))
	from.close(s)
	require.NoError(h.t, readEOF(p))
}

func testMoveListener(h *harness, k kind) {
	h.needAttach()
	g := h.another()
	ln, addr := h.listen(k)
	require.Equal(h.t, driver.ErrCanceled, h.accept(ln).cancel().err)
	ln = h.move(ln, g)
	a := g.accept(ln)
	p := h.dial(addr)
	g.until("accept", func() bool { return len(a.sockets) > 0 || a.final })
	g.send(a.socket(), data(0, 10)).wait()
	require.NoError(h.t, readStream(p, 0, 10))
	g.close(ln)
}

// testSharedListener: who closes its copy of a listening socket leaves no connection
// behind of which only it was told. The kernel wakes one of those that accept.
func testSharedListener(h *harness, k kind) {
	h.needAttach()
	const conns = 20
	g := h.another()
	ln, addr := h.listen(k)
	first := h.accept(ln)
	h.poll(0) // the first that the kernel wakes
	f := h.copyOf(ln)
	if f == nil {
		h.t.Skip("the engine shows no descriptor")
	}
	shared, err := g.Attach(f)
	require.NoError(h.t, err)
	second := g.accept(shared)
	g.poll(0)
	for range conns {
		h.dial(addr)
	}
	h.close(ln)
	require.True(h.t, first.final)
	g.until("the connections", func() bool { return len(first.sockets)+len(second.sockets) == conns || second.final })
	h.dial(addr)
	g.until("one more", func() bool { return len(first.sockets)+len(second.sockets) == conns+1 || second.final })
	g.close(shared)
}

// copyOf returns a copy of a socket's descriptor, nil if the engine does not show it.
func (h *harness) copyOf(s driver.Socket) (f *os.File) {
	h.t.Helper()
	require.NoError(h.t, h.Control(s, func(fd uintptr) {
		f = duplicate(h, fd)
	}))
	return f
}

func testDetachBusy(h *harness, k kind) {
	h.needAttach()
	s, p := h.pair(k)
	r := h.recvStream(s, 0)
	_, err := h.Detach(s)
	require.Error(h.t, err)
	require.NoError(h.t, writeStream(p, 10))
	h.until("bytes", func() bool { return r.n == 10 || r.final })
	require.NoError(h.t, r.err)
}

func testDetachClose(h *harness, k kind) {
	h.needAttach()
	s, p := h.pair(k)
	d, err := h.Detach(s)
	require.NoError(h.t, err)
	h.end() // the socket is no longer this engine's to close
	_, err = p.Write(data(0, 10))
	require.NoError(h.t, err)
	require.Implements(h.t, (*io.Closer)(nil), d)
	require.NoError(h.t, d.(io.Closer).Close())
	n, err := p.Read(make([]byte, 1))
	require.Zero(h.t, n)
	require.Error(h.t, err, "the peer still has a connection")
}

func testAttachNet(h *harness, k kind) {
	h.needAttach()
	ln := listenPeer(h.t, k)
	c, err := net.Dial(ln.Addr().Network(), ln.Addr().String())
	require.NoError(h.t, err)
	accepted, err := ln.Accept()
	require.NoError(h.t, err)
	p := newPeer(h.t, accepted)
	s, err := h.Attach(c)
	require.NoError(h.t, err)
	h.send(s, data(0, 100)).wait()
	require.NoError(h.t, readStream(p, 0, 100))
	h.recvAll(s, p, 100_000)
	h.close(s)
	require.NoError(h.t, readEOF(p))

	l, err := h.Attach(ln)
	require.NoError(h.t, err)
	a := h.accept(l)
	p = h.dial(h.LocalAddr(l))
	h.until("accept", func() bool { return len(a.sockets) > 0 || a.final })
	h.recvAll(a.socket(), p, 100)
	h.close(l)
}

func testAttachFile(h *harness, k kind) {
	h.needAttach()
	type filer interface{ File() (*os.File, error) }
	ln := listenPeer(h.t, k)
	lf, err := ln.(filer).File()
	require.NoError(h.t, err)
	l, err := h.Attach(lf)
	require.NoError(h.t, err)
	a := h.accept(l)
	c, err := net.Dial(ln.Addr().Network(), ln.Addr().String())
	require.NoError(h.t, err)
	defer c.Close()
	h.until("accept", func() bool { return len(a.sockets) > 0 || a.final })
	far := h.recvStream(a.socket(), 0)

	f, err := c.(filer).File()
	require.NoError(h.t, err)
	s, err := h.Attach(f)
	require.NoError(h.t, err)
	c.Close()
	require.NoError(h.t, h.send(s, data(0, 10_000)).wait().err)
	h.close(s)
	require.Equal(h.t, io.EOF, far.wait().err, "a copy of the descriptor is open")
	require.Equal(h.t, 10_000, far.n)
}

func testAttachPackets(h *harness) {
	h.needAttach()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(h.t, err)
	s, err := h.Attach(c)
	require.NoError(h.t, err)
	r := h.call(driver.RecvFrom, s).submit()
	p := h.dial(h.LocalAddr(s))
	_, err = p.Write(data(0, 100))
	require.NoError(h.t, err)
	h.until("a datagram", func() bool { return r.n > 0 || r.final })
	require.NoError(h.t, readStream(&r.chain, 0, 100))
}

func testAttachNonsense(h *harness) {
	for _, d := range []driver.Detached{nil, 7, "a string", struct{}{}} {
		_, err := h.Attach(d)
		require.Error(h.t, err)
	}
}
