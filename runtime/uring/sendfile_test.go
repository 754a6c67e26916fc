//go:build linux

package uring

import (
	"bytes"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// coldFile makes a file that is on its device and not in the page cache. It skips
// the test where nothing can be dropped from the cache, as on tmpfs.
func coldFile(t *testing.T, size int) (*os.File, []byte) {
	data := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	_, err = f.Write(data)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED))
	if sock.Cached(f, 0, int64(size)) {
		t.Skip("the file stays in the page cache")
	}
	return f, data
}

// sendAll sends a file range as the runtime does and returns what arrived.
func (r *rig) sendAll(f *os.File, off, n int64) ([]byte, error) {
	s, peer := r.connected()
	read := make(chan []byte)
	go func() {
		got, _ := io.ReadAll(peer)
		read <- got
	}()
	o := &record{}
	o.op = driver.Op{Code: driver.SendFile, Owner: o, Socket: s, Ext: &driver.Ext{File: f, Off: off, Len: n}}
	var failed error
	o.on = func(res *driver.Result) {
		o.op.Ext.Off += int64(res.N)
		o.op.Ext.Len -= int64(res.N)
		if failed = res.Err; failed == nil && o.op.Ext.Len > 0 {
			r.Submit(&o.op)
		}
	}
	r.Submit(&o.op)
	r.until(func() bool { return failed != nil || o.op.Ext.Len == 0 })
	r.close(s)
	return <-read, failed
}

func TestSendColdFile(t *testing.T) {
	r := newRig(t, nil)
	f, data := coldFile(t, 3<<20)
	got, err := r.sendAll(f, 0, int64(len(data)))
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, got))
	require.NotZero(t, r.stats.FileJobs)
}

func TestSendColdFilePastItsEnd(t *testing.T) {
	r := newRig(t, nil)
	f, data := coldFile(t, 100<<10)
	got, err := r.sendAll(f, 1000, 1<<20)
	require.Equal(t, io.ErrUnexpectedEOF, err)
	require.True(t, bytes.Equal(data[1000:], got))
}

func TestSendFileWithoutMemory(t *testing.T) {
	r := newRig(t, func(c *rigConfig) { c.Budget = 64 << 10; c.RecvBuffers = 2 })
	f, data := coldFile(t, 256<<10)
	require.Nil(t, r.pool.Get(64<<10))
	s, _ := r.connected()
	o := r.submit(driver.SendFile, s, func(op *driver.Op) {
		op.Ext = &driver.Ext{File: f, Len: int64(len(data))}
	})
	r.until(func() bool { return r.slots.lists[inLater].n == 1 })
	r.Cancel(&o.op)
	r.until(func() bool { return o.ended })
	require.Equal(t, driver.ErrCanceled, o.err)
	r.close(s)
}

func TestCancelColdRead(t *testing.T) {
	r := newRig(t, nil)
	f, data := coldFile(t, 1<<20)
	s, _ := r.connected()
	o := r.submit(driver.SendFile, s, func(op *driver.Op) {
		op.Ext = &driver.Ext{File: f, Len: int64(len(data))}
	})
	r.gather() // the read is armed and has not reached the kernel
	r.Cancel(&o.op)
	r.until(func() bool { return o.ended })
	if o.err != nil {
		require.Equal(t, driver.ErrCanceled, o.err)
	}
	r.close(s)
}

// TestFilesTakeTurns: what many files move in one turn is bounded, those that come first
// come first, and nobody who is left over waits for an event, or can not be cancelled.
func TestFilesTakeTurns(t *testing.T) {
	r := newRig(t, nil)
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer f.Close()
	const files, size = 60, filePiece / 2 // which a socket takes at once
	_, err = f.Write(make([]byte, size))
	require.NoError(t, err)
	var ops [files]*record
	for i := range ops {
		s, peer := r.connected()
		go func() { _, _ = io.Copy(io.Discard, peer) }()
		require.NoError(t, r.SetOption(s, driver.WriteBuffer, 2*size))
		ops[i] = r.submit(driver.SendFile, s, func(op *driver.Op) { op.Ext = &driver.Ext{File: f, Len: size} })
	}
	last := ops[files-1]
	ended := func() (n int) {
		for n < files-1 && ops[n].ended {
			n++
		}
		return n
	}
	sent := r.stats.BytesOut
	for wait := time.Duration(0); ended() < files-1; wait = patience {
		before := r.stats.BytesOut
		n, err := r.Poll(wait)
		require.NoError(t, err)
		require.Positive(t, n, "a turn that waited")
		require.Less(t, r.stats.BytesOut-before, uint64(fileTurn+filePiece))
		if before == sent {
			require.Less(t, ended(), files-1)
			r.Cancel(&last.op)
		}
	}
	r.until(func() bool { return last.ended })
	require.ErrorIs(t, last.err, driver.ErrCanceled)
}
