package drivertest

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

var fileTests = []test{
	{name: "file/read", once: testReadAt},
	{name: "file/read many", once: testReadMany},
	{name: "file/write", once: testWriteAt},
	{name: "file/sync", once: testFsync},
	{name: "file/wrong descriptor", once: testFileWrong},
	{name: "file/device full", once: testDeviceFull},
	{name: "file/disk full", once: testDiskFull},
	{name: "file/cancel", once: testFileCancel},
}

// file returns a file with n bytes of the stream, open for reading and writing.
func (h *harness) file(n int64) *os.File {
	h.t.Helper()
	dir, err := os.MkdirTemp("", "hr")
	require.NoError(h.t, err)
	h.t.Cleanup(func() { os.RemoveAll(dir) })
	f, err := os.Create(filepath.Join(dir, "f"))
	require.NoError(h.t, err)
	h.t.Cleanup(func() { f.Close() })
	require.NoError(h.t, writeStream(f, n))
	return f
}

func (h *harness) readAt(f *os.File, buf []byte, off int64) *call {
	c := h.call(driver.ReadAt, driver.NoSocket)
	c.op.Buf, c.ext.File, c.ext.Off = buf, f, off
	return c.submit()
}

// writeAt writes what is in out, by as many operations as it takes.
func (h *harness) writeAt(f *os.File, off int64, pieces ...[]byte) *call {
	c := h.call(driver.WriteAt, driver.NoSocket)
	c.ext.File, c.ext.Off = f, off
	for _, p := range pieces {
		c.put(p)
	}
	took := 0
	c.sendAll()
	all := c.then
	c.then = func(r *driver.Result) {
		took += r.N
		c.ext.Off = off + int64(took)
		all(r)
	}
	return c
}

func testReadAt(h *harness) {
	const size = 100_000
	f := h.file(size)
	for _, off := range []int64{0, 1, 4096, size - 1, size - 50_000} {
		for _, n := range []int{1, 100, 4096, 50_000, size} {
			buf := make([]byte, n)
			got := 0
			for want := min(n, int(size-off)); got < want; {
				c := h.readAt(f, buf[got:], off+int64(got)).wait()
				require.NoError(h.t, c.err)
				require.Positive(h.t, c.n)
				got += c.n
			}
			require.NoError(h.t, (&stream{off}).verify(buf[:got]))
		}
	}
	for _, off := range []int64{size, size + 10_000} {
		c := h.readAt(f, make([]byte, 10), off).wait()
		require.Equal(h.t, io.EOF, c.err)
		require.Zero(h.t, c.n)
	}
}

// testReadMany has more reads at once than there are workers.
func testReadMany(h *harness) {
	const piece, pieces = 4096, 200
	f := h.file(piece * pieces)
	bufs := make([]byte, piece*pieces)
	var calls []*call
	for i := range pieces {
		calls = append(calls, h.readAt(f, bufs[i*piece:(i+1)*piece], int64(i*piece)))
	}
	for _, c := range calls {
		require.NoError(h.t, c.wait().err)
		require.Equal(h.t, piece, c.n)
	}
	require.NoError(h.t, (&stream{}).verify(bufs))
}

func testWriteAt(h *harness) {
	f := h.file(0)
	const off = 10_000
	var pieces [][]byte
	total := 0
	for i := range 2*h.caps.MaxSegments + 50 {
		pieces = append(pieces, data(int64(total), 1+i*37%500))
		total += len(pieces[i])
	}
	c := h.writeAt(f, off, pieces...)
	h.until("write", func() bool { return c.final && (c.out.Empty() || c.err != nil) })
	require.NoError(h.t, c.err)
	got, err := os.ReadFile(f.Name())
	require.NoError(h.t, err)
	require.Len(h.t, got, off+total)
	require.Equal(h.t, bytes.Repeat([]byte{0}, off), got[:off])
	require.NoError(h.t, (&stream{}).verify(got[off:]))
}

func testFsync(h *harness) {
	f := h.file(0)
	for _, dataOnly := range []bool{false, true} {
		require.NoError(h.t, h.writeAt(f, 0, data(0, 1000)).wait().err)
		c := h.call(driver.Fsync, driver.NoSocket)
		c.ext.File, c.ext.DataOnly = f, dataOnly
		require.NoError(h.t, c.submit().wait().err)
	}
}

func testFileWrong(h *harness) {
	f := h.file(1000)
	readable, err := os.Open(f.Name())
	require.NoError(h.t, err)
	defer readable.Close()
	writable, err := os.OpenFile(f.Name(), os.O_WRONLY, 0)
	require.NoError(h.t, err)
	defer writable.Close()
	require.Equal(h.t, syscall.EBADF, h.readAt(writable, make([]byte, 10), 0).wait().err)
	require.Equal(h.t, syscall.EBADF, h.writeAt(readable, 0, data(0, 10)).wait().err)

	f.Close()
	require.Error(h.t, h.readAt(f, make([]byte, 10), 0).wait().err)
	require.Error(h.t, h.writeAt(f, 0, data(0, 10)).wait().err)
	c := h.call(driver.Fsync, driver.NoSocket)
	c.ext.File = f
	require.Error(h.t, c.submit().wait().err)
}

func testDeviceFull(h *harness) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		h.t.Skip("no /dev/full:", err)
	}
	defer f.Close()
	c := h.writeAt(f, 0, data(0, 1000)).wait()
	require.Equal(h.t, syscall.ENOSPC, c.err)
	require.Zero(h.t, c.n)
}

// testDiskFull: what fits is written and told, the error comes with the rest.
func testDiskFull(h *harness) {
	const size = 64 << 10
	f := smallDisk(h, size)
	c := h.writeAt(f, 0, data(0, size), data(size, 50_000))
	h.until("an error", func() bool { return c.final && c.err != nil })
	require.Equal(h.t, syscall.ENOSPC, c.err)
	require.Equal(h.t, size, c.n)
	require.NoError(h.t, readStream(io.NewSectionReader(f, 0, size), 0, size))
}

// testFileCancel: the outcome is open, but there is exactly one, and the memory
// is the caller's after it.
func testFileCancel(h *harness) {
	const piece, pieces = 64 << 10, 50
	f := h.file(piece * pieces)
	for range 5 {
		var calls []*call
		for i := range pieces {
			buf := make([]byte, piece)
			calls = append(calls, h.readAt(f, buf, int64(i*piece)))
			if i%2 == 1 {
				h.Cancel(&calls[i-1].op)
			}
		}
		for i, c := range calls {
			if c.wait(); c.err == nil {
				require.NoError(h.t, (&stream{int64(i * piece)}).verify(c.op.Buf[:c.n]))
			} else {
				require.Equal(h.t, driver.ErrCanceled, c.err)
				require.Zero(h.t, i%2, "nobody cancelled this one")
			}
		}
	}
}
