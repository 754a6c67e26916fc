package portable

import (
	"context"
	"net"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// phase says where a flight is, and so what a Cancel does.
type phase uint8

const (
	queued  phase = iota // behind another operation of its lane
	running              // a goroutine has it
	starved              // waits for memory of the pool
	landed               // in a list of completions
)

// flight is the engine's record of one operation. Its goroutine may read all of
// it and write the outcome alone, until it posts; after that it is the loop's.
type flight struct {
	e    *engine
	op   *driver.Op
	s    *sock
	lane *lane
	next *flight // in the one list that it is in

	slot, gen uint32
	phase     phase
	canceled  bool
	kicked    bool // its read was interrupted to get the chunk back
	final     bool // n and err are the result as they are

	cancel context.CancelFunc // Connect
	chunk  *buffers.Chunk
	buf    []byte   // where to read
	vec    [][]byte // what to write
	bufs   net.Buffers
	total  int // bytes in vec

	// read and write, bound once: to start one allocates nothing then.
	reads, writes func()

	n    int
	err  error
	conn net.Conn
	msg  driver.Msg
}

// list is a queue of flights, linked through them.
type list struct{ first, last *flight }

func (l *list) empty() bool { return l.first == nil }

func (l *list) push(fl *flight) {
	fl.next = nil
	if l.last == nil {
		l.first = fl
	} else {
		l.last.next = fl
	}
	l.last = fl
}

func (l *list) pop() *flight {
	fl := l.first
	if fl == nil {
		return nil
	}
	if l.first = fl.next; l.first == nil {
		l.last = nil
	}
	fl.next = nil
	return fl
}

// join moves all of o to the end of l.
func (l *list) join(o *list) {
	if o.first == nil {
		return
	}
	if l.last == nil {
		l.first = o.first
	} else {
		l.last.next = o.first
	}
	l.last = o.last
	*o = list{}
}

func (l *list) remove(fl *flight) {
	var rest list
	for f := l.pop(); f != nil; f = l.pop() {
		if f != fl {
			rest.push(f)
		}
	}
	fl.next = nil
	*l = rest
}

// lane runs a bounded number of operations at a time and queues the others: one
// for each direction of a socket, Config.FileWorkers for files.
type lane struct {
	waiting list
	now     *flight // started last, and running while free is 0
	free    int
}

// enter starts fl when the lane has room for it.
func (l *lane) enter(fl *flight) {
	fl.lane = l
	if l.free == 0 {
		fl.phase = queued
		l.waiting.push(fl)
		return
	}
	l.run(fl)
}

func (l *lane) run(fl *flight) {
	l.free--
	l.now = fl
	fl.e.start(fl)
}

// leave makes room and starts whoever waited for it.
func (l *lane) leave() {
	l.free++
	l.now = nil
	if next := l.waiting.pop(); next != nil {
		l.run(next)
	}
}

// cancel asks for all that waits, and what was started last, to end.
func (l *lane) cancel(e *engine) {
	for fl := l.waiting.first; fl != nil; {
		next := fl.next
		e.Cancel(fl.op)
		fl = next
	}
	if l.now != nil {
		e.Cancel(l.now.op)
	}
}

// take makes a flight for op and counts it.
func (e *engine) take(op *driver.Op) *flight {
	var fl *flight
	if n := len(e.idle); n > 0 {
		fl = e.flights[e.idle[n-1]]
		e.idle = e.idle[:n-1]
	} else {
		fl = &flight{e: e, slot: uint32(len(e.flights))}
		fl.reads, fl.writes = fl.read, fl.write
		e.flights = append(e.flights, fl)
	}
	fl.op = op
	op.State.Slot, op.State.Gen, op.State.Flight = fl.slot, fl.gen, 1
	e.stats.Submitted++
	e.stats.InFlight++
	return fl
}

// find returns the flight of op, nil when it has landed for good.
func (e *engine) find(op *driver.Op) *flight {
	if !op.InFlight() || int(op.State.Slot) >= len(e.flights) {
		return nil
	}
	fl := e.flights[op.State.Slot]
	if fl.op != op || fl.gen != op.State.Gen {
		return nil
	}
	return fl
}

// retire ends fl: its record is the caller's again.
func (e *engine) retire(fl *flight) {
	e.dropMemory(fl)
	s, l, code := fl.s, fl.lane, fl.op.Code
	clear(fl.vec[:cap(fl.vec)])
	fl.op.State = driver.OpState{}
	*fl = flight{
		e: e, slot: fl.slot, gen: fl.gen + 1, vec: fl.vec[:0], reads: fl.reads, writes: fl.writes,
	}
	e.idle = append(e.idle, fl.slot)
	e.stats.Completed++
	e.stats.InFlight--
	if l != nil {
		l.leave()
	}
	if s != nil && code != driver.Close {
		s.ops--
		e.closeIfQuiet(s)
	}
}

// land queues fl with its result for the next round of completions, without a
// goroutine in between.
func (e *engine) land(fl *flight, n int, err error) {
	fl.n, fl.err, fl.final = n, err, true
	fl.phase = landed
	e.ready.push(fl)
}
