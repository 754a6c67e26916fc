package drivertest

import (
	"errors"
	"io"
	"syscall"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

var spliceTests = []test{
	{name: "splice/sizes", stream: testSpliceSizes},
	{name: "splice/after chunks", stream: testSpliceAfterChunks},
	{name: "splice/slow peer", stream: testSpliceSlow},
	{name: "splice/reset", once: testSpliceReset},
	{name: "splice/cancel", stream: testSpliceCancel},
	{name: "splice/close", stream: testSpliceClose},
	{name: "splice/no pipe", stream: testSpliceNoPipe},
	{name: "splice/errors", once: testSpliceErrors},
}

// onePipe lends one pipe.
type onePipe struct {
	h    *harness
	pipe driver.Pipe
	lent bool
}

func (p *onePipe) TakePipe() (driver.Pipe, error) {
	if p.lent {
		return driver.Pipe{}, syscall.ENOBUFS
	}
	p.lent = true
	return p.pipe, nil
}

func (p *onePipe) GivePipe(pipe driver.Pipe) {
	require.True(p.h.t, p.lent)
	require.Equal(p.h.t, p.pipe, pipe)
	p.lent = false
}

// pipe opens a pipe, or skips the test.
func (h *harness) pipe() *onePipe {
	h.t.Helper()
	by, ok := h.Engine.(driver.Splicer)
	if !ok {
		h.t.Skip("the engine has no pipes")
	}
	p, err := by.OpenPipe()
	if errors.Is(err, errors.ErrUnsupported) {
		h.t.Skip("the engine has no pipes")
	}
	require.NoError(h.t, err)
	h.t.Cleanup(func() {
		h.end() // what is in flight on the pipe ends first
		by.ClosePipe(p)
	})
	return &onePipe{h: h, pipe: p}
}

// through moves bytes from one socket to another until the first one ends.
type through struct {
	in, out *call
	moved   int
	ended   bool
	closing bool // go no further
}

func (h *harness) splice(from, to driver.Socket, p *onePipe) *through {
	s := &through{in: h.call(driver.RecvPipe, from), out: h.call(driver.SendPipe, to)}
	s.in.ext.Pipes, s.in.ext.Len = p, 1<<20
	held := int64(0)
	s.in.then = func(r *driver.Result) {
		require.Equal(h.t, r.N > 0, p.lent, "a pipe goes with bytes, and with nothing else")
		if r.N == 0 || s.closing {
			s.ended = true
			return
		}
		held = int64(r.N)
		s.out.ext.Pipe, s.out.ext.Len = s.in.ext.Pipe, held
		s.out.submit()
	}
	s.out.then = func(r *driver.Result) {
		if r.Err != nil || s.closing {
			s.ended = true
			return
		}
		s.moved += r.N
		if held -= int64(r.N); held > 0 {
			s.out.ext.Len = held
			s.out.submit()
			return
		}
		p.GivePipe(s.out.ext.Pipe)
		s.in.submit()
	}
	s.in.submit()
	return s
}

func testSpliceSizes(h *harness, k kind) {
	p := h.pipe()
	for _, n := range append(sizes, 8<<20) {
		a, left := h.pair(k)
		b, right := h.accepted(k)
		s := h.splice(a, b, p)
		w := h.spawn("peer writes", func() error {
			if err := writeStream(left, n); err != nil {
				return err
			}
			return left.closeWrite()
		})
		r := h.spawn("peer reads", func() error { return readStream(right, 0, n) })
		h.until("end", func() bool { return s.ended })
		require.Equal(h.t, io.EOF, s.in.err)
		h.join(w, r)
		require.EqualValues(h.t, n, s.moved)
		h.close(a)
		h.close(b)
		require.NoError(h.t, readEOF(right))
	}
}

// testSpliceAfterChunks: what was received before, by other means, is not missed.
func testSpliceAfterChunks(h *harness, k kind) {
	p := h.pipe()
	a, left := h.pair(k)
	b, right := h.pair(k)
	r := h.recvStream(a, 0)
	require.NoError(h.t, writeStream(left, 1000))
	h.until("bytes", func() bool { return r.n == 1000 || r.final })
	require.Equal(h.t, driver.ErrCanceled, r.cancel().err)
	s := h.splice(a, b, p)
	var rest stream
	rest.off = 1000
	_, err := io.CopyN(left, &rest, 50_000)
	require.NoError(h.t, err)
	require.NoError(h.t, left.closeWrite())
	got := h.spawn("peer reads", func() error { return readStream(right, 1000, 50_000) })
	h.until("end", func() bool { return s.ended })
	h.join(got)
}

// testSpliceSlow: a peer that does not read stops the transfer, and nothing else.
func testSpliceSlow(h *harness, k kind) {
	p := h.pipe()
	a, left := h.pair(k)
	b, right := h.pair(k)
	s := h.splice(a, b, p)
	const n = 16 << 20
	w := h.spawn("peer writes", func() error {
		if err := writeStream(left, n); err != nil {
			return err
		}
		return left.closeWrite()
	})
	for range 200 {
		h.poll(0)
	}
	require.False(h.t, s.ended)
	other, peer := h.pair(k)
	h.send(other, data(0, 1000)).wait()
	require.NoError(h.t, readStream(peer, 0, 1000))
	r := h.spawn("peer reads", func() error { return readStream(right, 0, n) })
	h.until("end", func() bool { return s.ended })
	h.join(w, r)
}

func testSpliceReset(h *harness) {
	p := h.pipe()
	a, left := h.pair(tcp4)
	b, right := h.pair(tcp4)
	s := h.splice(a, b, p)
	h.settle()
	require.NoError(h.t, left.reset())
	h.until("end", func() bool { return s.ended })
	require.Equal(h.t, syscall.ECONNRESET, s.in.err)

	a, left = h.pair(tcp4)
	s = h.splice(a, b, p)
	require.NoError(h.t, right.reset())
	w := h.spawn("peer writes", func() error {
		_ = writeStream(left, 64<<20) // until nobody takes any more
		return nil
	})
	h.until("end", func() bool { return s.ended })
	require.Contains(h.t, []error{syscall.ECONNRESET, syscall.EPIPE}, s.out.err)
	h.close(a)
	h.join(w)
}

func testSpliceCancel(h *harness, k kind) {
	p := h.pipe()
	a, left := h.pair(k)
	b, right := h.pair(k)
	s := h.splice(a, b, p)
	h.settle()
	require.Equal(h.t, driver.ErrCanceled, s.in.cancel().err)
	// The socket is as it was.
	r := h.recvStream(a, 0)
	require.NoError(h.t, writeStream(left, 5000))
	h.until("bytes", func() bool { return r.n == 5000 || r.final })
	h.send(b, data(0, 5000)).wait()
	require.NoError(h.t, readStream(right, 0, 5000))
}

// testSpliceNoPipe: a pipe is asked for only when there is something for it, and where
// none is left the bytes stay for other means.
func testSpliceNoPipe(h *harness, k kind) {
	p := h.pipe()
	p.lent = true
	a, left := h.pair(k)
	in := h.call(driver.RecvPipe, a)
	in.ext.Pipes, in.ext.Len = p, 1<<20
	in.submit()
	h.settle()
	require.False(h.t, in.final)
	require.NoError(h.t, writeStream(left, 1000))
	require.Equal(h.t, syscall.ENOBUFS, in.wait().err)
	r := h.recvStream(a, 0)
	h.until("bytes", func() bool { return r.n == 1000 || r.final })
	require.Equal(h.t, driver.ErrCanceled, r.cancel().err)
}

// testSpliceClose: closing either socket ends the operation on it first.
func testSpliceClose(h *harness, k kind) {
	p := h.pipe()
	a, _ := h.pair(k)
	b, _ := h.pair(k)
	s := h.splice(a, b, p)
	h.settle()
	h.close(a)
	require.True(h.t, s.in.final)
	require.Equal(h.t, driver.ErrCanceled, s.in.err)

	a, left := h.pair(k)
	s = h.splice(a, b, p)
	w := h.spawn("peer writes", func() error {
		_ = writeStream(left, 64<<20)
		return nil
	})
	h.until("a full socket", func() bool { h.settle(); return s.moved > 0 && s.out.op.InFlight() })
	s.closing = true
	h.close(b)
	require.True(h.t, s.out.final)
	h.close(a)
	h.join(w)
}

func testSpliceErrors(h *harness) {
	a, _ := h.pair(tcp4)
	if by, ok := h.Engine.(driver.Splicer); ok {
		if p, err := by.OpenPipe(); err == nil {
			defer by.ClosePipe(p)
			for _, code := range []driver.Code{driver.RecvPipe, driver.SendPipe} {
				require.Error(h.t, h.call(code, a).submit().wait().err, "no length")
			}
			in := h.call(driver.RecvPipe, a)
			in.ext.Len = 1
			require.Error(h.t, in.submit().wait().err, "no pipes")
			return
		}
	}
	for _, code := range []driver.Code{driver.RecvPipe, driver.SendPipe} {
		require.ErrorIs(h.t, h.call(code, a).submit().wait().err, errors.ErrUnsupported)
	}
}
