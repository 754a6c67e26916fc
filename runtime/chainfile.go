package runtime

import (
	"io"
	"os"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// WriteFile writes the chain's bytes to f from offset off and takes its chunks,
// also when it fails. The loop is not held up, whatever the disk does.
//
// done, if not nil, is called once, on the loop and after WriteFile returned. n
// bytes are in the file, without a gap; after an error the file is as it was
// behind them, as far as the system tells. The caller keeps f open until then, and
// has not opened it with O_APPEND. The loop does not end before.
func (l *Loop) WriteFile(f *os.File, off int64, chain buffers.Chain, done func(n int64, err error)) {
	l.mustRun("Loop.WriteFile")
	w := &fileWriter{loop: l}
	w.done = func() {
		delete(l.others, w)
		w.chain.Release()
		if done != nil {
			done(w.n, w.err)
		}
	}
	l.others[w] = struct{}{}
	w.ext.File, w.ext.Off = f, off
	w.chain = chain
	w.write()
}

// SyncFile flushes f to its device (fsync) without holding up the loop, then calls
// done on it. The loop does not end before.
func (l *Loop) SyncFile(f *os.File, done func(err error)) {
	l.mustRun("Loop.SyncFile")
	w := &fileWriter{loop: l}
	w.done = func() {
		delete(l.others, w)
		done(w.err)
	}
	l.others[w] = struct{}{}
	w.ext.File = f
	w.sync()
}

// fileWriter writes a chain to a file, one operation after the other. Short writes
// are completed, so that the error of the next one tells what was wrong.
type fileWriter struct {
	loop  *Loop
	conn  *Conn // whose transfer it is, if anybody's
	op    driver.Op
	ext   driver.Ext
	chain buffers.Chain // what is not written yet
	n     int64         // written
	err   error
	gone  bool   // the engine broke
	done  func() // called as a callback of the loop when chain is empty, or on error
}

// stop does nothing: a write ends when the disk has it.
func (*fileWriter) stop() {}

// write starts writing the chain at ext.Off.
func (w *fileWriter) write() {
	if w.chain.Empty() || w.ext.File == nil || w.ext.Off < 0 {
		if !w.chain.Empty() {
			w.err = &os.PathError{Op: "write", Path: w.name(), Err: os.ErrInvalid}
		}
		w.end()
		return
	}
	w.op = driver.Op{Code: driver.WriteAt, Owner: w, Chain: &w.chain, Ext: &w.ext}
	w.loop.stats.Paths.FileWrites++
	w.loop.engine.Submit(&w.op)
}

// sync starts an fsync.
func (w *fileWriter) sync() {
	w.op = driver.Op{Code: driver.Fsync, Owner: w, Ext: &w.ext}
	w.loop.engine.Submit(&w.op)
}

// Complete receives the engine's completions.
func (w *fileWriter) Complete(op *driver.Op, r *driver.Result) {
	if w.gone { // it has been told
		return
	}
	if r.N > 0 {
		w.chain.Discard(r.N)
		w.ext.Off += int64(r.N)
		w.n += int64(r.N)
	}
	switch {
	case r.Err == driver.ErrCanceled:
		w.err = &os.PathError{Op: op.Code.String(), Path: w.name(), Err: ErrClosed}
	case r.Err != nil:
		w.err = &os.PathError{Op: op.Code.String(), Path: w.name(), Err: r.Err}
	case op.Code == driver.WriteAt && r.N == 0:
		w.err = &os.PathError{Op: op.Code.String(), Path: w.name(), Err: io.ErrShortWrite}
	case !w.chain.Empty():
		w.loop.stats.Paths.FileWrites++
		w.loop.engine.Submit(op)
		return
	}
	w.end()
}

func (w *fileWriter) end() { w.loop.later(w.conn, w.done) }

func (w *fileWriter) name() string {
	if w.ext.File == nil {
		return ""
	}
	return w.ext.File.Name()
}
