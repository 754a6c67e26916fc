package portable

import (
	"io"

	"github.com/headrace/headrace/runtime/driver"
)

// recv starts one read for a Recv.
func (e *engine) recv(fl *flight) {
	s := fl.s
	if len(s.held) > 0 {
		fl.buf, fl.n = s.held, len(s.held)
		s.held = nil
		fl.phase = landed
		e.ready.push(fl)
		return
	}
	if s.full && e.hungry.empty() {
		fl.chunk = e.pool.Get(e.recvSize)
	}
	if fl.chunk != nil {
		fl.buf = fl.chunk.Room()
	} else {
		fl.buf = e.scratch()
	}
	s.readyToRead()
	fl.phase = running
	go fl.reads()
}

func (fl *flight) read() {
	fl.n, fl.err = fl.s.conn.Read(fl.buf)
	fl.e.queue.post(fl)
}

// received takes in what a Recv has read. Without memory for it the Recv waits;
// if it was cancelled it ends, and the bytes wait for the next receive.
func (e *engine) received(fl *flight) {
	fl.phase = landed
	fl.s.full = fl.n == len(fl.buf)
	switch {
	case fl.n == 0 || fl.chunk != nil || e.pack(fl):
		e.deliverRead(fl)
	case fl.canceled:
		e.keepUnread(fl)
		e.complete(fl, driver.Result{Err: driver.ErrCanceled})
	default:
		e.starve(fl)
	}
}

// deliverRead delivers what a Recv has read and goes on reading.
func (e *engine) deliverRead(fl *flight) {
	fl.phase = landed
	if c := fl.chunk; fl.n > 0 {
		c.Extend(fl.n)
		e.stats.BytesIn += uint64(fl.n)
		fl.chunk, fl.buf = nil, nil
		e.complete(fl, driver.Result{Chunk: c, More: true})
	}
	e.dropMemory(fl)
	err := fl.err
	switch {
	case fl.canceled && (err == nil || timedOut(err)):
		e.complete(fl, driver.Result{Err: driver.ErrCanceled})
	case err == nil || timedOut(err):
		if fl.kicked {
			fl.kicked, fl.s.full = false, false
		}
		fl.s.rdPast = fl.s.rdPast || timedOut(err)
		fl.n, fl.err = 0, nil
		e.recv(fl)
	default:
		e.complete(fl, driver.Result{Err: fl.s.endOfRead(err)})
	}
}

// recvInto starts a RecvInto with what was read before and not delivered.
func (e *engine) recvInto(fl *flight) {
	s, buf := fl.s, fl.op.Buf
	fl.n = copy(buf, s.held)
	if s.held = s.held[fl.n:]; len(s.held) == 0 {
		s.held = nil
	}
	if fl.n == len(buf) || fl.n > 0 && !fl.op.Full {
		e.stats.BytesIn += uint64(fl.n)
		e.land(fl, fl.n, nil)
		return
	}
	s.readyToRead()
	go fl.readInto()
}

func (fl *flight) readInto() {
	buf := fl.op.Buf
	for fl.n < len(buf) && fl.err == nil {
		var n int
		n, fl.err = fl.s.conn.Read(buf[fl.n:])
		fl.n += n
		if n > 0 && !fl.op.Full {
			break
		}
	}
	fl.e.queue.post(fl)
}

func (e *engine) receivedInto(fl *flight) {
	err := fl.err
	switch {
	case fl.n == len(fl.op.Buf) || fl.n > 0 && !fl.op.Full:
		err = nil
	case !timedOut(err):
		err = fl.s.endOfRead(err)
	case fl.canceled:
		err = driver.ErrCanceled
	default: // a deadline that an attached connection came with
		fl.s.rdPast, fl.err = true, nil
		fl.s.readyToRead()
		go fl.readInto()
		return
	}
	e.stats.BytesIn += uint64(fl.n)
	e.complete(fl, driver.Result{N: fl.n, Err: err})
}

// endOfRead makes the result of a failed read. Systems differ in how a read ends
// after CloseRead.
func (s *sock) endOfRead(err error) error {
	if s.readClosed {
		return io.EOF
	}
	return bare(err)
}
