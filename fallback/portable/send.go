package portable

import (
	"io"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// gather collects the front of c, as far as segments and bytes go. The owner may
// append to c meanwhile, so the goroutine that writes sees the slices alone.
func (fl *flight) gather(c *buffers.Chain, segments, bytes int) {
	fl.vec, fl.total = fl.vec[:0], 0
	if c == nil {
		return
	}
	for k := c.Front(); k != nil && len(fl.vec) < segments && fl.total < bytes; k = k.Next() {
		b := k.Bytes()
		b = b[:min(len(b), bytes-fl.total)]
		if len(b) > 0 {
			fl.vec = append(fl.vec, b)
			fl.total += len(b)
		}
	}
}

// send starts a Send.
func (e *engine) send(fl *flight) {
	if err := fl.s.sendErr; err != nil {
		e.land(fl, 0, err)
		return
	}
	fl.gather(fl.op.Chain, maxSegments, sendMax)
	if fl.total == 0 {
		e.land(fl, 0, nil)
		return
	}
	fl.s.readyToWrite()
	if len(fl.vec) == 1 {
		if fl.n, fl.err = fl.s.now.write(fl.vec[0]); fl.n > 0 || fl.err != nil {
			fl.phase = landed
			e.ready.push(fl)
			return
		}
	}
	go fl.writes()
}

func (fl *flight) write() {
	if len(fl.vec) > 1 && fl.s.plain {
		fl.bufs = fl.vec
		var n int64
		n, fl.err = fl.bufs.WriteTo(fl.s.conn)
		fl.n, fl.bufs = int(n), nil
	} else {
		fl.writeEach()
	}
	fl.e.queue.post(fl)
}

func (fl *flight) writeEach() {
	for _, b := range fl.vec {
		n, err := fl.s.conn.Write(b)
		fl.n += n
		if err != nil {
			fl.err = err
			return
		}
	}
}

// sendFile starts a SendFile, when there is a chunk to read into.
func (e *engine) sendFile(fl *flight) {
	ext := fl.op.Ext
	switch {
	case fl.s.sendErr != nil:
		e.land(fl, 0, fl.s.sendErr)
		return
	case ext.Len <= 0:
		e.land(fl, 0, nil)
		return
	case fl.chunk == nil && e.hungry.empty():
		fl.chunk = e.get(e.recvSize)
	}
	if fl.chunk == nil {
		e.starve(fl)
		return
	}
	fl.buf = fl.chunk.Room()
	fl.total = int(min(ext.Len, sendMax))
	fl.phase = running
	fl.s.readyToWrite()
	go fl.writeFile()
}

func (fl *flight) writeFile() {
	ext := fl.op.Ext
	for fl.n < fl.total && fl.err == nil {
		buf := fl.buf[:min(len(fl.buf), fl.total-fl.n)]
		n, err := ext.File.ReadAt(buf, ext.Off+int64(fl.n))
		if n == 0 {
			fl.fileErr(err)
			break
		}
		n, fl.err = fl.s.conn.Write(buf[:n])
		fl.n += n
	}
	fl.e.queue.post(fl)
}

// fileErr notes why the file gave nothing. After a part was sent it does not
// matter yet: the next SendFile meets it again.
func (fl *flight) fileErr(err error) {
	if fl.n > 0 {
		return
	}
	if fl.err = err; err == io.EOF {
		fl.err = io.ErrUnexpectedEOF
	}
}

// sent ends a Send, SendFile or SendTo.
func (e *engine) sent(fl *flight) {
	err := fl.err
	if timedOut(err) && fl.n == 0 && !fl.canceled {
		fl.s.wrPast, fl.err = true, nil // a deadline that an attached socket came with
		e.dropMemory(fl)
		e.start(fl)
		return
	}
	e.stats.BytesOut += uint64(fl.n)
	switch {
	case fl.n > 0:
		if fl.n < fl.total {
			e.stats.ShortSends++
		}
		if err != nil && !timedOut(err) {
			fl.s.sendErr = bare(err)
		}
		err = nil
	case timedOut(err):
		err = driver.ErrCanceled
	}
	e.complete(fl, driver.Result{N: fl.n, Err: bare(err)})
}
