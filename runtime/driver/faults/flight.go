package faults

import (
	"errors"
	"hash/maphash"
	"net"
	"slices"
	"syscall"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// flight is an operation of an owner and the one that stands for it below.
type flight struct {
	e     *engine
	outer *driver.Op
	op    driver.Op
	ext   driver.Ext

	below    bool  // the engine below owns op
	canceled bool  // the owner's Cancel went below
	cut      error // what ErrCanceled from below means, if not that
	ending   bool  // EarlyEnd: op was cancelled, last is the newest completion
	last     driver.Result
	done     int // RecvInto: bytes of earlier pieces
	view     buffers.Chain
	held     int // completions in the queue
	due      int // when the last of them is
	lent     loan
}

// Submit takes an operation of an owner.
func (e *engine) Submit(op *driver.Op) {
	if op.Code == driver.Invalid || op.Code >= driver.CodeCount {
		panic("faults: Submit of an operation with an unknown code")
	}
	if op.InFlight() {
		panic("faults: Submit of a record in flight")
	}
	op.State.Flight = 1
	f := &flight{e: e, outer: op, op: *op}
	f.op.State = driver.OpState{}
	f.op.Owner = f
	e.flights[op] = f
	s, onSocket := f.socket()
	switch {
	case op.Code == driver.Close && e.closing[s] == nil:
		e.closing[s] = f
		f.op.Abort = op.Abort || e.broken[s]
	case onSocket && e.closing[s] != nil: // fails below
	default:
		if err := f.refused(); err != nil {
			e.hold(f, driver.Result{Err: err})
			return
		}
		f.shorten()
	}
	f.submit()
}

func (f *flight) submit() {
	f.below = true
	f.e.Engine.Submit(&f.op)
}

// socket returns the socket that the operation is on, if it is on one.
func (f *flight) socket() (driver.Socket, bool) {
	switch f.op.Code {
	case driver.Connect, driver.ReadAt, driver.WriteAt, driver.Fsync:
		return driver.NoSocket, false
	}
	return f.op.Socket, true
}

// Cancel implements [driver.Engine].
func (e *engine) Cancel(op *driver.Op) {
	f := e.flights[op]
	switch {
	case f == nil:
	case e.hit(LateCancel):
		e.holdCancel(f)
	default:
		f.cancel()
	}
}

func (f *flight) cancel() {
	if f.below {
		f.canceled = true
		f.e.Engine.Cancel(&f.op)
	}
}

// wantedEnd reports whether the owner asked for the operation to end.
func (f *flight) wantedEnd() bool {
	s, onSocket := f.socket()
	return f.canceled || f.e.shut || onSocket && f.e.closing[s] != nil
}

// Complete receives the completions from below.
func (f *flight) Complete(_ *driver.Op, r *driver.Result) {
	res := *r
	f.below = res.More
	if res.Err == driver.ErrCanceled && f.cut != nil && !f.wantedEnd() {
		res.Err = f.cut
	}
	switch f.op.Code {
	case driver.RecvInto:
		f.piece(res)
	case driver.RecvFrom:
		f.datagram(res)
	case driver.Recv, driver.Accept:
		f.repeated(res)
	case driver.Send:
		f.sent(res)
	case driver.Close:
		f.closed(res)
	default:
		f.e.emit(f, res)
	}
}

// refused returns the error with which the operation is to fail at once.
func (f *flight) refused() error {
	e := f.e
	switch f.op.Code {
	case driver.Accept, driver.Connect:
		if e.hit(NoDescriptors) {
			return pick[error](e, syscall.EMFILE, syscall.ENFILE)
		}
	case driver.WriteAt:
		if e.hit(NoSpace) {
			return syscall.ENOSPC
		}
	case driver.SendTo:
		if e.hit(NoBuffers) {
			return syscall.ENOBUFS
		}
	case driver.Recv, driver.RecvInto, driver.RecvPipe, driver.Send, driver.SendFile, driver.SendPipe:
		if e.shut || !e.broken[f.op.Socket] && !e.hit(Reset) {
			return nil
		}
		e.cutOff(f.op.Socket)
		switch f.op.Code {
		case driver.Send, driver.SendFile, driver.SendPipe:
			return pick[error](e, syscall.EPIPE, syscall.ECONNRESET)
		}
		return syscall.ECONNRESET
	}
	return nil
}

func pick[E error](e *engine, errs ...E) E { return errs[e.rand.IntN(len(errs))] }

// cutOff fails what is in flight on a socket.
func (e *engine) cutOff(s driver.Socket) {
	e.broken[s] = true
	for _, f := range e.flights {
		if on, ok := f.socket(); ok && on == s && f.below && f.cut == nil {
			f.cut = syscall.ECONNRESET
			e.Engine.Cancel(&f.op)
		}
	}
}

// shorten makes the operation smaller, or the first piece of it.
func (f *flight) shorten() {
	e := f.e
	switch f.op.Code {
	case driver.RecvInto:
		f.cutBuf()
	case driver.Send, driver.WriteAt:
		if n := f.op.Chain.Len(); n > 1 && e.hit(ShortSend) {
			viewOf(f.op.Chain, e.part(n-1), &f.view)
			f.op.Chain = &f.view
		}
	case driver.SendFile, driver.SendPipe:
		if n := f.op.Ext.Len; n > 1 && e.hit(ShortSend) {
			f.ext = *f.op.Ext
			f.ext.Len = int64(e.part(int(min(n-1, 1<<30))))
			f.op.Ext = &f.ext
		}
	}
}

// viewOf appends views of the first n bytes of chain to view.
func viewOf(chain *buffers.Chain, n int, view *buffers.Chain) {
	for c := range chain.All() {
		k := min(n, c.Len())
		if k > 0 {
			view.Append(c.Slice(0, k))
		}
		if n -= k; n == 0 {
			return
		}
	}
}

// cutBuf has RecvInto fill a part of what is left of the owner's memory.
func (f *flight) cutBuf() {
	f.op.Buf = f.outer.Buf[f.done:]
	if n := len(f.op.Buf); n > 1 && f.e.hit(ShortRecv) {
		f.op.Buf = f.op.Buf[:f.e.part(n-1)]
	}
}

// piece takes a completion of RecvInto, and receives the next piece if all were
// asked for.
func (f *flight) piece(res driver.Result) {
	f.done += res.N
	if f.op.Full && res.Err == nil && f.done < len(f.outer.Buf) {
		switch {
		case f.cut != nil && !f.wantedEnd():
			res.Err = f.cut
		case f.wantedEnd():
			res.Err = driver.ErrCanceled
		default:
			f.cutBuf()
			f.submit()
			return
		}
	}
	res.N = f.done
	f.e.emit(f, res)
}

// datagram takes a completion of RecvFrom.
func (f *flight) datagram(res driver.Result) {
	switch e := f.e; {
	case res.Chunk != nil && res.More && e.hit(LostDatagram):
		res.Chunk.Release()
	case res.Chunk != nil && res.More && !f.ending && e.hit(EarlyEnd):
		f.ending, f.last = true, kept(res)
		e.Engine.Cancel(&f.op)
	case f.ending:
		last := f.last
		f.last = kept(res)
		if res.Err == driver.ErrCanceled && !f.wantedEnd() {
			last.More = false
			e.emit(f, last)
			return
		}
		e.emit(f, last)
		if !res.More {
			e.emit(f, res)
		}
	default:
		e.emit(f, res)
	}
}

// kept returns a result whose message stays as it is.
func kept(res driver.Result) driver.Result {
	if res.Msg == nil {
		return res
	}
	m := *res.Msg
	m.OOB = slices.Clone(m.OOB)
	switch a := m.Remote.(type) {
	case *net.UDPAddr:
		m.Remote = &net.UDPAddr{IP: slices.Clone(a.IP), Port: a.Port, Zone: a.Zone}
	case *net.UnixAddr:
		m.Remote = &net.UnixAddr{Name: a.Name, Net: a.Net}
	}
	res.Msg = &m
	return res
}

// repeated takes a completion of Recv or Accept.
func (f *flight) repeated(res driver.Result) {
	e := f.e
	if !f.ending {
		if res.More && res.Err == nil && f.cut == nil && e.hit(EarlyEnd) {
			f.ending, f.last = true, res
			e.Engine.Cancel(&f.op)
			return
		}
		f.split(res)
		return
	}
	last := f.last
	f.last = res
	if res.Err == driver.ErrCanceled && !f.wantedEnd() {
		last.More = false
		f.split(last)
		return
	}
	f.split(last)
	if !res.More {
		f.split(res)
	}
}

// split delivers a chunk in one piece or two.
func (f *flight) split(res driver.Result) {
	c := res.Chunk
	if c == nil || c.Len() < 2 || !f.e.hit(ShortRecv) {
		f.e.emit(f, res)
		return
	}
	n := f.e.part(c.Len() - 1)
	first := c.Slice(0, n)
	c.TrimFront(n)
	f.e.emit(f, driver.Result{Chunk: first, More: true})
	f.e.emit(f, res)
}

// sent takes a completion of Send.
func (f *flight) sent(res driver.Result) {
	if res.More || res.Err != nil || !f.e.hit(LateRelease) {
		f.e.emit(f, res)
		return
	}
	f.lent = lend(f.op.Chain, res.N)
	taken := res
	taken.More = true
	f.e.emit(f, taken)
	f.e.hold(f, driver.Result{})
}

// closed takes the completion of Close, behind all others of the socket.
func (f *flight) closed(res driver.Result) {
	e, s := f.e, f.op.Socket
	if e.closing[s] != f {
		e.emit(f, res) // a second Close
		return
	}
	e.handle(func(v *event) bool {
		on, ok := v.f.socket()
		return ok && on == s && v.f != f
	})
	delete(e.closing, s)
	delete(e.broken, s)
	e.deliver(f, res)
}

// errChanged is told when memory changed that was still lent.
var errChanged = errors.New("faults: memory of a Send changed before its final completion")

// end gives back what the flight holds.
func (f *flight) end() {
	if !f.lent.same() {
		if f.e.cfg.Fail == nil {
			panic(errChanged)
		}
		f.e.cfg.Fail(errChanged)
	}
	f.view.Release()
}

// loan is memory that the owner must leave alone.
type loan struct {
	parts [][]byte
	sum   uint64
}

var seed = maphash.MakeSeed()

func lend(chain *buffers.Chain, n int) (l loan) {
	for c := range chain.All() {
		k := min(n, c.Len())
		l.parts = append(l.parts, c.Bytes()[:k:k])
		if n -= k; n == 0 {
			break
		}
	}
	l.sum = l.hash()
	return l
}

func (l *loan) hash() uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, p := range l.parts {
		_, _ = h.Write(p)
	}
	return h.Sum64()
}

func (l *loan) same() bool { return l.parts == nil || l.hash() == l.sum }
