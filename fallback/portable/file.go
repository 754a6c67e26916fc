package portable

import (
	"io"
	"os"

	"github.com/headrace/headrace/runtime/driver"
)

// file starts an operation on a file. It can not be interrupted.
func (e *engine) file(fl *flight) {
	if fl.op.Ext == nil || fl.op.Ext.File == nil {
		e.land(fl, 0, os.ErrInvalid)
		return
	}
	if fl.op.Code == driver.WriteAt {
		fl.gather(fl.op.Chain, maxSegments, fileMax)
	}
	e.stats.FileJobs++
	go fl.file()
}

func (fl *flight) file() {
	ext := fl.op.Ext
	switch fl.op.Code {
	case driver.ReadAt:
		fl.n, fl.err = ext.File.ReadAt(fl.op.Buf, ext.Off)
		if fl.n > 0 && fl.err == io.EOF {
			fl.err = nil // the next read meets it again
		}
	case driver.WriteAt:
		fl.writeAt(ext.File, ext.Off)
	default:
		fl.err = ext.File.Sync()
	}
	fl.err = bare(fl.err)
	fl.e.queue.post(fl)
}

// writeAt writes piece after piece. What stops it after a part is met again by
// whoever submits the rest. (*os.File).WriteAt does not count what it wrote of a
// piece before an error, so that a piece counts whole or not at all.
func (fl *flight) writeAt(f *os.File, off int64) {
	for _, b := range fl.vec {
		n, err := f.WriteAt(b, off+int64(fl.n))
		fl.n += n
		if err != nil {
			if fl.n == 0 {
				fl.err = err
			}
			return
		}
	}
}
