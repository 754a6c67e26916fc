package portable

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

const (
	maxSegments = 64       // pieces of memory in one Send
	sendMax     = 64 << 10 // bytes in one Send or SendFile, so that progress shows
	fileMax     = 1 << 20  // bytes in one WriteAt

	defaultRecvSize    = 16 << 10
	defaultFileWorkers = 4

	// retryMemory is how soon a receive that found the pool empty looks again:
	// the pool tells nobody of a release.
	retryMemory = time.Millisecond
)

// engine implements [driver.Engine]. All of it but the queue is the loop's.
type engine struct {
	queue    queue
	pool     *buffers.Pool
	recvSize int

	ready     list // landed without a goroutine
	flights   []*flight
	idle      []uint32 // slots of flights to use again
	socks     []*sock
	unused    []driver.Socket
	files     lane
	rounds    int  // that waited, since the last rest
	work      int  // completions in them
	hungry    list // phase starved, first come first served
	scratches [][]byte

	closed    bool
	result    driver.Result
	delivered int
	stats     driver.Stats
}

var _ driver.Engine = (*engine)(nil)

// Open makes an engine. It is a [driver.Open] and works on every system.
func Open(cfg *driver.Config) (driver.Engine, error) {
	if cfg == nil || cfg.Pool == nil {
		return nil, errors.New("portable: Config.Pool is required")
	}
	e := &engine{pool: cfg.Pool, recvSize: cfg.RecvBufferSize}
	if e.recvSize <= 0 {
		e.recvSize = defaultRecvSize
	}
	e.files.free = cfg.FileWorkers
	if e.files.free <= 0 {
		e.files.free = defaultFileWorkers
	}
	e.queue.init()
	return e, nil
}

// Caps implements [driver.Engine].
func (e *engine) Caps() driver.Caps {
	return driver.Caps{Name: "portable", Attach: true, MaxSegments: maxSegments}
}

// Submit implements [driver.Engine].
func (e *engine) Submit(op *driver.Op) {
	if op.InFlight() {
		panic("portable: Submit of an operation in flight: " + op.Code.String())
	}
	if op.Code == driver.Invalid || op.Code >= driver.CodeCount {
		panic(fmt.Sprintf("portable: Submit of an operation with code %d", op.Code))
	}
	fl := e.take(op)
	if e.closed {
		e.land(fl, 0, net.ErrClosed)
		return
	}
	switch op.Code {
	case driver.Connect:
		e.connect(fl)
	case driver.ReadAt, driver.WriteAt, driver.Fsync:
		e.files.enter(fl)
	default:
		e.submitSocket(fl)
	}
}

func (e *engine) submitSocket(fl *flight) {
	s := e.lookup(fl.op.Socket)
	if s == nil || s.closing != nil {
		e.land(fl, 0, net.ErrClosed)
		return
	}
	if fl.op.Code == driver.Close {
		e.closeSocket(s, fl)
		return
	}
	fl.s = s
	s.ops++
	if !s.takes(fl.op.Code) {
		e.land(fl, 0, errors.ErrUnsupported)
		return
	}
	switch fl.op.Code {
	case driver.Send, driver.SendFile, driver.SendTo:
		s.wr.enter(fl)
	default:
		s.rd.enter(fl)
	}
}

// start begins what fl asks for. Its lane has made room for it.
func (e *engine) start(fl *flight) {
	fl.phase = running
	switch fl.op.Code {
	case driver.Accept:
		e.accept(fl)
	case driver.Recv:
		e.recv(fl)
	case driver.RecvInto:
		e.recvInto(fl)
	case driver.RecvFrom:
		e.recvFrom(fl)
	case driver.Send:
		e.send(fl)
	case driver.SendFile:
		e.sendFile(fl)
	case driver.SendTo:
		e.sendTo(fl)
	default:
		e.file(fl)
	}
}

// Cancel implements [driver.Engine].
func (e *engine) Cancel(op *driver.Op) {
	fl := e.find(op)
	if fl == nil || fl.canceled || op.Code == driver.Close {
		return
	}
	fl.canceled = true
	switch fl.phase {
	case queued:
		fl.lane.waiting.remove(fl)
		fl.lane = nil
		e.land(fl, 0, driver.ErrCanceled)
	case starved:
		e.hungry.remove(fl)
		if op.Code == driver.RecvFrom {
			fl.phase = landed
			e.ready.push(fl) // which delivers the datagram
			return
		}
		e.keepUnread(fl)
		e.land(fl, 0, driver.ErrCanceled)
	case running:
		e.interrupt(fl)
	}
}

// interrupt makes the call that fl's goroutine is in return.
func (e *engine) interrupt(fl *flight) {
	switch fl.op.Code {
	case driver.Connect:
		fl.cancel()
	case driver.Send, driver.SendFile, driver.SendTo:
		fl.s.interruptWrite()
	case driver.Accept, driver.Recv, driver.RecvInto, driver.RecvFrom:
		fl.s.interruptRead()
	}
}

// Stats implements [driver.Engine].
func (e *engine) Stats(s *driver.Stats) {
	t := e.stats
	t.Wakes = e.queue.wakes.Load()
	s.Add(&t)
}

// Close implements [driver.Engine].
func (e *engine) Close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	for _, fl := range e.flights {
		if fl.op != nil {
			e.Cancel(fl.op)
		}
	}
	for e.stats.InFlight > 0 {
		if e.ready.empty() && !e.reap() {
			e.queue.wait(-1)
		}
		e.deliver()
	}
	var errs []error
	for _, s := range e.socks {
		if s != nil {
			errs = append(errs, bare(s.close(false)))
			e.forget(s)
		}
	}
	e.scratches = nil
	e.queue.timer.Stop()
	return errors.Join(errs...)
}
