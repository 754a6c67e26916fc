package fiber

import (
	"os"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// RecvToFile receives n bytes, or all until the end of the stream if n is negative,
// and writes them to f from offset off, as [runtime.Conn.RecvToFile] does; with may
// be nil. It returns when f is no longer needed, with the number of bytes that are
// in the file. The read deadline does not end it once it began; a read time-out of
// the connection does.
func (c *Conn) RecvToFile(f *os.File, off, n int64, with *runtime.RecvFile) (written int64, err error) {
	c.dropLine()
	if c.closed {
		return 0, c.endError("read")
	}
	var done bool
	c.rc.RecvToFile(f, off, n, with, func(k int64, e error) {
		written, err = k, e
		c.fb.called(&done)
	})
	c.fb.await(&done)
	return written, err
}

// WriteFile writes the chain's bytes to f from offset off, without holding up the
// loop, and takes its chunks, also when it fails. n bytes are in the file.
func (t *Task) WriteFile(f *os.File, off int64, chain buffers.Chain) (n int64, err error) {
	var done bool
	t.fb.loop.WriteFile(f, off, chain, func(k int64, e error) {
		n, err = k, e
		t.fb.called(&done)
	})
	t.fb.await(&done)
	return n, err
}

// SyncFile flushes f to its device (fsync), without holding up the loop.
func (t *Task) SyncFile(f *os.File) (err error) {
	var done bool
	t.fb.loop.SyncFile(f, func(e error) {
		err = e
		t.fb.called(&done)
	})
	t.fb.await(&done)
	return err
}
