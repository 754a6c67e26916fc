package drivertest

import (
	"io"
	"os"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

var sendFileTests = []test{
	{name: "sendfile/sizes", stream: testSendFileSizes},
	{name: "sendfile/long", once: testSendFileLong},
	{name: "sendfile/short file", stream: testSendFileShort},
	{name: "sendfile/truncated", once: testSendFileTruncated},
	{name: "sendfile/between sends", stream: testSendFileBetween},
	{name: "sendfile/head", stream: testSendFileHead},
	{name: "sendfile/shared file", stream: testSendFileShared},
	{name: "sendfile/slow peer", stream: testSendFileSlow},
	{name: "sendfile/cancel", stream: testSendFileCancel},
	{name: "sendfile/errors", once: testSendFileErrors},
}

// sendFile sends n bytes of f, by as many operations as it takes.
func (h *harness) sendFile(s driver.Socket, f *os.File, off, n int64) *call {
	c := h.call(driver.SendFile, s)
	c.ext.File, c.ext.Off, c.ext.Len = f, off, n
	var total int64
	c.then = func(r *driver.Result) {
		total += int64(r.N)
		c.n = int(total)
		c.ext.Off, c.ext.Len = off+total, n-total
		switch {
		case r.N < 0 || total > n:
			h.t.Errorf("SendFile took %d of %d bytes", total, n)
		case r.More || r.Err != nil || c.ext.Len == 0:
		case r.N == 0:
			h.t.Errorf("SendFile took nothing and says no error")
		default:
			c.submit()
		}
	}
	return c.submit()
}

func testSendFileSizes(h *harness, k kind) {
	s, p := h.pair(k)
	f := h.file(2 << 20)
	none := h.sendFile(s, f, 10, 0).wait()
	require.NoError(h.t, none.err)
	require.Zero(h.t, none.n)
	for i, n := range sizes {
		off := int64(i) * 1000
		r := h.spawn("peer reads", func() error { return readStream(p, off, n) })
		c := h.sendFile(s, f, off, n).wait()
		require.NoError(h.t, c.err)
		require.EqualValues(h.t, n, c.n)
		h.join(r)
	}
	at, err := f.Seek(0, io.SeekCurrent)
	require.NoError(h.t, err)
	require.EqualValues(h.t, 2<<20, at, "the file's own offset moved")
	h.close(s)
	require.NoError(h.t, readEOF(p))
}

func testSendFileLong(h *harness) {
	s, p := h.accepted(tcp4)
	f := h.file(long() + 5000)
	r := h.spawn("peer reads", func() error { return readStream(p, 5000, long()) })
	require.NoError(h.t, h.sendFile(s, f, 5000, long()).wait().err)
	h.join(r)
}

// testSendFileShort: all there is, then word of the end, and no byte more.
func testSendFileShort(h *harness, k kind) {
	s, p := h.pair(k)
	f := h.file(100_000)
	c := h.sendFile(s, f, 30_000, 1<<20)
	r := h.spawn("peer reads", func() error { return readStream(p, 30_000, 70_000) })
	c.wait()
	h.join(r)
	require.Equal(h.t, io.ErrUnexpectedEOF, c.err)
	require.Equal(h.t, 70_000, c.n)
	for _, off := range []int64{100_000, 1 << 30} {
		c = h.sendFile(s, f, off, 10).wait()
		require.Equal(h.t, io.ErrUnexpectedEOF, c.err)
		require.Zero(h.t, c.n)
	}
	h.send(s, data(0, 10)).wait()
	require.NoError(h.t, readStream(p, 0, 10), "the connection is whole")
}

// testSendFileTruncated cuts the file under a transfer that waits for its peer.
// What the peer gets is the front of the file, as much as was told to be taken.
func testSendFileTruncated(h *harness) {
	s, p := h.pair(tcp4)
	f := h.file(32 << 20)
	c := h.sendFile(s, f, 0, 32<<20)
	for range 20 {
		h.poll(0)
	}
	require.False(h.t, c.final && c.ext.Len == 0, "32 MiB went into a socket that nobody reads")
	require.NoError(h.t, f.Truncate(1<<20))
	got := int64(0)
	r := h.spawn("peer reads", func() error {
		var src stream
		buf := make([]byte, 64<<10)
		for {
			n, err := p.Read(buf)
			if verr := src.verify(buf[:n]); verr != nil {
				return verr
			}
			if got = src.off; err != nil {
				return nil
			}
		}
	})
	h.until("an error", func() bool { return c.final && c.err != nil })
	require.Equal(h.t, io.ErrUnexpectedEOF, c.err)
	require.NoError(h.t, h.CloseWrite(s))
	h.join(r)
	require.EqualValues(h.t, c.n, got)
}

// testSendFileBetween sends a header, a file and a trailer on each connection.
func testSendFileBetween(h *harness, k kind) {
	const conns, size = 5, 300_000
	f := h.file(size)
	var tasks []*task
	var calls []*call
	for range conns {
		s, p := h.pair(k)
		tasks = append(tasks, h.spawn("peer reads", func() error {
			for _, n := range []int64{100, size, 50} {
				if err := readStream(p, 0, n); err != nil {
					return err
				}
			}
			return readEOF(p)
		}))
		last := h.call(driver.Send, s)
		last.put(data(0, 50))
		header := h.send(s, data(0, 100))
		calls = append(calls, header, last)
		afterwards(header, func() {
			afterwards(h.sendFile(s, f, 0, size), func() {
				afterwards(last.sendAll(), func() { h.call(driver.Close, s).submit() })
			})
		})
	}
	h.join(tasks...)
	for _, c := range calls {
		require.NoError(h.t, c.err)
	}
}

// testSendFileHead: what goes before a file is counted first, whatever its pieces and
// however much of it the peer takes at a time.
func testSendFileHead(h *harness, k kind) {
	if !h.caps.FileHead {
		h.t.Skip("the engine sends files alone")
	}
	const size = 3 << 20
	f := h.file(size)
	s, p := h.pair(k)
	for _, pieces := range [][]int{{100}, {1, 2000, 3}, {0, 60_000}, {1 << 20, 1 << 20}} {
		var head int64
		c := h.call(driver.SendFile, s)
		c.op.Chain = &c.out
		for _, n := range pieces {
			c.put(data(head, n))
			head += int64(n)
		}
		c.ext.File, c.ext.Len = f, size
		left, total := head, head+size
		c.then = func(r *driver.Result) {
			n := min(int64(r.N), left)
			c.out.Discard(int(n))
			left -= n
			total -= int64(r.N)
			c.ext.Off += int64(r.N) - n
			c.ext.Len -= int64(r.N) - n
			if r.Err == nil && c.ext.Len > 0 {
				c.submit()
			}
		}
		r := h.spawn("peer reads", func() error {
			if err := readStream(p, 0, head); err != nil {
				return err
			}
			return readStream(p, 0, size)
		})
		c.submit().wait()
		h.join(r)
		require.NoError(h.t, c.err)
		require.Zero(h.t, total)
	}
	h.close(s)
	require.NoError(h.t, readEOF(p))
}

// afterwards calls f from inside the last completion of c.
func afterwards(c *call, f func()) {
	then := c.then
	c.then = func(r *driver.Result) {
		then(r)
		if !c.op.InFlight() && r.Err == nil {
			f()
		}
	}
}

// testSendFileShared sends one *os.File on several sockets at once, from several
// places.
func testSendFileShared(h *harness, k kind) {
	const size = 1 << 20
	f := h.file(2 * size)
	var tasks []*task
	for i := range 5 {
		s, p := h.pair(k)
		off := int64(i * 12_345)
		tasks = append(tasks, h.spawn("peer reads", func() error { return readStream(p, off, size) }))
		h.sendFile(s, f, off, size)
	}
	h.join(tasks...)
}

// testSendFileSlow: who waits for a slow peer does not hold up others.
func testSendFileSlow(h *harness, k kind) {
	slow, p := h.pair(k)
	f := h.file(16 << 20)
	c := h.sendFile(slow, f, 0, 16<<20)
	quick, q := h.pair(k)
	for range 20 {
		h.send(quick, data(0, 1000)).wait()
		require.NoError(h.t, readStream(q, 0, 1000))
		c2 := h.sendFile(quick, f, 0, 1000).wait()
		require.NoError(h.t, c2.err)
		require.NoError(h.t, readStream(q, 0, 1000))
	}
	require.False(h.t, c.final && c.ext.Len == 0)
	r := h.spawn("peer reads", func() error { return readStream(p, 0, 16<<20) })
	h.join(r)
	h.until("sendfile", func() bool { return c.final && c.ext.Len == 0 || c.err != nil })
	require.NoError(h.t, c.err)
}

func testSendFileCancel(h *harness, k kind) {
	s, p := h.pair(k)
	f := h.file(16 << 20)
	c := h.sendFile(s, f, 0, 16<<20)
	for c.err == nil {
		for range 10 {
			h.poll(0)
		}
		h.Cancel(&c.op)
		h.poll(10 * time.Millisecond)
	}
	require.Equal(h.t, driver.ErrCanceled, c.err)
	n := int64(c.n)
	require.Less(h.t, n, int64(16<<20))
	r := h.spawn("peer reads", func() error { return readStream(p, 0, n+10) })
	h.send(s, data(n, 10)).wait()
	h.join(r)
}

func testSendFileErrors(h *harness) {
	s, p := h.pair(tcp4)
	f := h.file(1 << 20)
	w, err := os.OpenFile(f.Name(), os.O_WRONLY, 0)
	require.NoError(h.t, err)
	defer w.Close()
	require.Equal(h.t, syscall.EBADF, h.sendFile(s, w, 0, 10).wait().err)
	h.send(s, data(0, 10)).wait()
	require.NoError(h.t, readStream(p, 0, 10))
	require.NoError(h.t, h.CloseWrite(s))
	c := h.sendFile(s, f, 0, 10).wait()
	require.Equal(h.t, syscall.EPIPE, c.err)
	require.Zero(h.t, c.n)
	f.Close()
	require.Error(h.t, h.sendFile(s, f, 0, 10).wait().err)
}
