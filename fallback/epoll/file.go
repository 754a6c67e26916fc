//go:build linux

package epoll

import (
	"io"
	"os"
	goruntime "runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// readInline is the longest read that the loop copies from the page cache itself.
const readInline = 256 << 10

// jobKind is what a helper does.
type jobKind uint8

const (
	jobRead  jobKind = iota // fill buf
	jobWrite                // write iovs, once
	jobSync
	jobWarm  // read n bytes from off, for the page cache
	jobClose // close fd, which may wait for a peer
)

// job is a piece of work for a helper, which owns it until it is done.
type job struct {
	next     *job
	file     *os.File
	buf      []byte
	iovs     []unix.Iovec
	off      int64
	count    int64
	fd       int
	slot     uint32
	kind     jobKind
	dataOnly bool

	n   int // the result
	err error
}

func (j *job) run() {
	switch j.kind {
	case jobRead:
		j.n, j.err = readFull(int(j.file.Fd()), j.buf, j.off)
	case jobWrite:
		j.n, j.err = pwritev(int(j.file.Fd()), j.iovs, j.off)
	case jobSync:
		j.err = fsync(int(j.file.Fd()), j.dataOnly)
	case jobWarm:
		j.n, j.err = warm(int(j.file.Fd()), j.off, j.count)
	case jobClose:
		j.err = closeFD(j.fd)
	}
	goruntime.KeepAlive(j.file)
}

// startFile starts an operation on a file: on the loop what is in the page
// cache, by a helper everything else.
func (e *engine) startFile(slot uint32, r *record) {
	op := r.op
	x := op.Ext
	if x == nil || x.File == nil {
		e.fail(slot, unix.EBADF)
		return
	}
	var j *job
	switch op.Code {
	case driver.ReadAt:
		if e.readInline(slot, r) {
			return
		}
		j = e.workers.get(jobRead)
		j.buf, j.off = op.Buf[r.done:], x.Off+int64(r.done)
	case driver.WriteAt:
		n, _ := e.pieces(op.Chain, maxWrite)
		if n == 0 {
			e.finish(slot, driver.Result{})
			return
		}
		j = e.workers.get(jobWrite)
		j.iovs = append(j.iovs, e.iovs[:n]...)
		j.off = x.Off
		clear(e.iovs[:n])
	case driver.Fsync:
		j = e.workers.get(jobSync)
		j.dataOnly = x.DataOnly
	}
	j.file = x.File
	e.start(slot, r, j)
}

// maxWrite bounds one write.
const maxWrite = 16 << 20

// readInline reads what the page cache has and tells whether that was all.
func (e *engine) readInline(slot uint32, r *record) bool {
	op := r.op
	if len(op.Buf) == 0 {
		e.finish(slot, driver.Result{})
		return true
	}
	if len(op.Buf) > readInline {
		return false
	}
	n, err := sock.ReadNow(op.Ext.File, op.Buf, op.Ext.Off)
	switch {
	case err == unix.EAGAIN:
		return false
	case err != nil:
		e.finish(slot, driver.Result{N: n, Err: err})
		return true
	}
	r.done = n
	if n < len(op.Buf) {
		return false // the end, or a page that is not there: a helper finds out
	}
	e.finish(slot, driver.Result{N: n})
	return true
}

// start hands a job to the helpers.
func (e *engine) start(slot uint32, r *record, j *job) {
	r.stage, r.job = stageJob, j
	j.slot = slot
	e.stats.FileJobs++
	e.workers.start(j)
}

// collect takes what the helpers have done.
func (e *engine) collect() {
	if !e.workers.any() {
		return
	}
	for j := e.workers.take(); j != nil; j = e.workers.take() {
		slot, n, err := j.slot, j.n, j.err
		e.workers.put(j)
		r := e.records.at(slot)
		r.job = nil
		switch r.op.Code {
		case driver.ReadAt:
			if n += r.done; n > 0 && err == io.EOF {
				err = nil // the next read says so
			}
			e.finish(slot, driver.Result{N: n, Err: err})
		case driver.SendFile:
			e.warmed(slot, r, n, err)
		default:
			e.finish(slot, driver.Result{N: n, Err: err})
		}
	}
}

// ReadNow implements [driver.ReadNower].
func (e *engine) ReadNow(f *os.File, p []byte, off int64) (int, error) {
	return sock.ReadNow(f, p, off)
}

// readFull reads until p is full, the file ends (io.EOF) or fails.
func readFull(fd int, p []byte, off int64) (n int, err error) {
	for n < len(p) {
		k, err := unix.Pread(fd, p[n:], off+int64(n))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return n, err
		case k == 0:
			return n, io.EOF
		default:
			n += k
		}
	}
	return n, nil
}

func pwritev(fd int, iovs []unix.Iovec, off int64) (int, error) {
	for {
		// The offset is in two halves: on 64 bits the second has nothing to say.
		n, _, errno := unix.Syscall6(unix.SYS_PWRITEV, uintptr(fd), uintptr(unsafe.Pointer(&iovs[0])),
			uintptr(len(iovs)), uintptr(off), uintptr(uint64(off)>>32), 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
			continue
		}
		return 0, errno
	}
}

func fsync(fd int, dataOnly bool) (err error) {
	for {
		if dataOnly {
			err = unix.Fdatasync(fd)
		} else {
			err = unix.Fsync(fd)
		}
		if err != unix.EINTR {
			return err
		}
	}
}

// warmPiece is how much is read at a time only to have it in the page cache.
const warmPiece = 64 << 10

// warm reads a range to nowhere. An early end is no error.
func warm(fd int, off, count int64) (int, error) {
	_ = unix.Fadvise(fd, off, count, unix.FADV_WILLNEED) // all at once, if it helps
	nowhere := make([]byte, min(count, warmPiece))
	var total int64
	for total < count {
		n, err := readFull(fd, nowhere[:min(count-total, warmPiece)], off+total)
		total += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return int(total), err
		}
	}
	return int(total), nil
}
