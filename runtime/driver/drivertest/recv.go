package drivertest

import (
	"fmt"
	"io"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

var recvTests = []test{
	{name: "recv/sizes", stream: testRecvSizes},
	{name: "recv/long", once: testRecvLong},
	{name: "recv/pieces", stream: testRecvPieces},
	{name: "recv/end", stream: testRecvEnd},
	{name: "recv/data and end at once", stream: testDataAndEnd},
	{name: "recv/reset", once: testRecvReset},
	{name: "recv/data and reset at once", once: testDataAndReset},
	{name: "recv/closeread", stream: testCloseRead},
	{name: "recv/chunks stay", stream: testChunksStay},
	{name: "recvinto/once", stream: testRecvInto},
	{name: "recvinto/full", stream: testRecvFull},
	{name: "recvinto/end", stream: testRecvFullEnd},
	{name: "recvinto/cancel", stream: testRecvFullCancel},
	{name: "recvinto/handover", stream: testHandover},
}

var sizes = []int64{1, 2, 100, 2047, 4096, 16383, 16384, 16385, 65536, 100_003, 1 << 20}

// long is the size of the long transfers.
func long() int64 {
	if testing.Short() {
		return 8 << 20
	}
	return 64 << 20
}

func (h *harness) recvAll(s driver.Socket, p *peer, n int64) {
	h.t.Helper()
	r := h.recvStream(s, 0)
	w := h.spawn("peer writes", func() error {
		if err := writeStream(p, n); err != nil {
			return err
		}
		return p.closeWrite()
	})
	r.wait()
	require.Equal(h.t, io.EOF, r.err)
	require.EqualValues(h.t, n, r.n)
	h.join(w)
}

func testRecvSizes(h *harness, k kind) {
	for i, n := range sizes {
		var s driver.Socket
		var p *peer
		if i%2 == 0 {
			s, p = h.pair(k)
		} else {
			s, p = h.accepted(k)
		}
		h.recvAll(s, p, n)
		h.close(s)
	}
}

func testRecvLong(h *harness) {
	s, p := h.pair(tcp4)
	h.recvAll(s, p, long())
}

// testDataAndEnd: both are there when the engine looks. Nothing follows the end, so
// that an engine which takes the two for one event waits for ever.
func testDataAndEnd(h *harness, k kind) {
	for range scaled(50) {
		s, p := h.pair(k)
		r := h.recvStream(s, 0)
		h.settle()
		require.NoError(h.t, writeStream(p, 10))
		require.NoError(h.t, p.closeWrite())
		r.wait()
		require.Equal(h.t, io.EOF, r.err)
		require.EqualValues(h.t, 10, r.n)
		h.close(s)
	}
}

// testDataAndReset is the same with a reset.
func testDataAndReset(h *harness) {
	for range scaled(50) {
		s, p := h.pair(tcp4)
		r := h.recvStream(s, 0)
		h.settle()
		require.NoError(h.t, writeStream(p, 10))
		require.NoError(h.t, p.reset())
		r.wait()
		require.ErrorIs(h.t, r.err, syscall.ECONNRESET)
		h.close(s)
	}
}

// testRecvPieces: each piece must come although nothing follows it.
func testRecvPieces(h *harness, k kind) {
	s, p := h.pair(k)
	r := h.recvStream(s, 0)
	var src stream
	sent := 0
	for i := range 100 {
		buf := make([]byte, 1+(i*i*37)%3000)
		src.Read(buf)
		_, err := p.Write(buf)
		require.NoError(h.t, err)
		sent += len(buf)
		h.until(fmt.Sprintf("piece %d", i), func() bool { return r.n == sent || r.final })
		require.False(h.t, r.final, "%v", r)
	}
}

// testRecvEnd: the end of one direction leaves the other alone, both ways round.
func testRecvEnd(h *harness, k kind) {
	s, p := h.pair(k)
	require.NoError(h.t, p.closeWrite())
	r := h.recv(s).wait()
	require.Equal(h.t, io.EOF, r.err)
	require.Zero(h.t, r.n)
	require.Equal(h.t, io.EOF, r.submit().wait().err, "EOF stays")
	h.send(s, data(0, 5000)).wait()
	require.NoError(h.t, readStream(p, 0, 5000))
	require.NoError(h.t, h.CloseWrite(s))
	require.NoError(h.t, readEOF(p))

	s, p = h.accepted(k)
	h.send(s, data(0, 5000)).wait()
	require.NoError(h.t, h.CloseWrite(s))
	require.NoError(h.t, readStream(p, 0, 5000))
	require.NoError(h.t, readEOF(p))
	h.recvAll(s, p, 5000)
}

func testRecvReset(h *harness) {
	s, p := h.accepted(tcp4)
	r := h.recvStream(s, 0)
	require.NoError(h.t, writeStream(p, 10))
	h.until("bytes", func() bool { return r.n == 10 || r.final })
	require.NoError(h.t, p.reset())
	require.Equal(h.t, syscall.ECONNRESET, r.wait().err)
	h.close(s)
}

func testCloseRead(h *harness, k kind) {
	s, p := h.pair(k)
	r := h.recv(s)
	h.settle()
	require.NoError(h.t, h.CloseRead(s))
	require.Equal(h.t, io.EOF, r.wait().err)
	require.Equal(h.t, io.EOF, h.recvInto(s, make([]byte, 10), false).wait().err)
	h.send(s, data(0, 100)).wait()
	require.NoError(h.t, readStream(p, 0, 100))
}

// testChunksStay: a chunk is the receiver's for as long as it likes, whatever
// arrives meanwhile and whatever happens to the socket.
func testChunksStay(h *harness, k kind) {
	s, p := h.pair(k)
	const n = 300_000
	r := h.recv(s)
	w := h.spawn("peer writes", func() error { return writeStream(p, n) })
	h.until("bytes", func() bool { return r.n == n || r.final })
	h.join(w)
	h.close(s)
	require.Equal(h.t, n, r.chain.Len())
	require.NoError(h.t, readStream(&r.chain, 0, n))
}

func testRecvInto(h *harness, k kind) {
	s, p := h.pair(k)
	require.NoError(h.t, writeStream(p, 3000))
	var got stream
	for left := 3000; left > 0; {
		buf := make([]byte, 1000)
		c := h.recvInto(s, buf, false).wait()
		require.NoError(h.t, c.err)
		require.Positive(h.t, c.n)
		require.NoError(h.t, got.verify(buf[:c.n]))
		left -= c.n
	}
	require.NoError(h.t, p.closeWrite())
	c := h.recvInto(s, make([]byte, 10), false).wait()
	require.Equal(h.t, io.EOF, c.err)
	require.Zero(h.t, c.n)
}

func testRecvFull(h *harness, k kind) {
	s, p := h.pair(k)
	n := 5 << 20
	w := h.spawn("peer writes", func() error { return writeStream(p, int64(n)+1) })
	buf := make([]byte, n)
	c := h.recvInto(s, buf, true).wait()
	require.NoError(h.t, c.err)
	require.Equal(h.t, n, c.n)
	require.NoError(h.t, (&stream{}).verify(buf))
	c = h.recvInto(s, buf[:1], true).wait()
	require.NoError(h.t, c.err)
	require.NoError(h.t, (&stream{int64(n)}).verify(buf[:1]), "taken with the others")
	h.join(w)
}

func testRecvFullEnd(h *harness, k kind) {
	s, p := h.pair(k)
	require.NoError(h.t, writeStream(p, 700))
	require.NoError(h.t, p.closeWrite())
	buf := make([]byte, 1000)
	c := h.recvInto(s, buf, true).wait()
	require.Equal(h.t, io.EOF, c.err)
	require.Equal(h.t, 700, c.n)
	require.NoError(h.t, (&stream{}).verify(buf[:700]))
	c = h.recvInto(s, buf, true).wait()
	require.Equal(h.t, io.EOF, c.err)
	require.Zero(h.t, c.n)
}

// testRecvFullCancel: N tells what arrived before; the rest is still to be had.
func testRecvFullCancel(h *harness, k kind) {
	s, p := h.pair(k)
	require.NoError(h.t, writeStream(p, 700))
	buf := make([]byte, 1000)
	c := h.recvInto(s, buf, true)
	h.settle()
	require.Equal(h.t, driver.ErrCanceled, c.cancel().err)
	require.LessOrEqual(h.t, c.n, 700)
	require.NoError(h.t, (&stream{}).verify(buf[:c.n]))
	first := c.n
	if first < 700 {
		c = h.recvInto(s, buf[:700-first], true).wait()
		require.NoError(h.t, c.err)
		require.NoError(h.t, (&stream{int64(first)}).verify(buf[:c.n]))
	}
}

// testHandover changes between Recv and RecvInto while the peer goes on sending:
// no byte may be lost, doubled or out of order.
func testHandover(h *harness, k kind) {
	s, p := h.pair(k)
	const total = 4 << 20
	w := h.spawn("peer writes", func() error { return writeStream(p, total) })
	got := &stream{}
	r := h.call(driver.Recv, s)
	r.check = got
	for turn := int64(0); got.off < total; turn++ {
		r.submit()
		at := got.off + turn%3*5000
		h.until("bytes", func() bool { return got.off >= min(at, total) || r.final })
		require.False(h.t, r.final, "%v", r)
		require.Equal(h.t, driver.ErrCanceled, r.cancel().err)
		n := min(total-got.off, 1+turn*7919%40_000)
		buf := make([]byte, n)
		c := h.recvInto(s, buf, turn%2 == 0).wait()
		if n > 0 {
			require.NoError(h.t, c.err)
			require.NoError(h.t, got.verify(buf[:c.n]))
		}
	}
	h.join(w)
	require.NoError(h.t, p.closeWrite())
	require.Equal(h.t, io.EOF, r.submit().wait().err)
	require.EqualValues(h.t, total, got.off)
}
