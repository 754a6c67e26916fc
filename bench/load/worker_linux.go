//go:build linux

package load

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"
)

var epoch = time.Now()

// nanotime is the monotonic clock; time.Since reads that one alone.
func nanotime() int64 { return int64(time.Since(epoch)) }

// conn is one connection. Protocols keep their own state in the fields they need.
type conn struct {
	fd   int
	id   int32
	rest []byte // of the message being sent, what the socket has not taken
	body int    // bytes of the pattern to be sent after rest
	done int    // bytes of it that were
	sent uint64 // stream position of the next byte to send
	got  uint64 // stream position of the next byte to receive
	need int    // bytes still to come of the answer, or of its body
	busy int64  // when the operation began
	ops  int64

	owed  int  // what was asked and is not answered
	heard bool // something came: an answer or, from a slow download, any of it
	ended bool // the server's end, or an error, was reported: no edge comes after that one

	head   []byte  // HTTP: the part of an answer's head that came so far
	inBody bool    // HTTP: the head is complete
	due    []int64 // Open: when the unanswered messages were due
	unsent int     // Open: how many of them still wait for room in the socket
	credit float64 // Slow: the bytes it may read now
}

// proto is one kind of traffic. Its methods run on the worker's thread.
type proto interface {
	// begin starts a connection that is open.
	begin(w *worker, c *conn) error
	// readable takes what the socket holds until it is empty.
	readable(w *worker, c *conn) error
	// tick runs between polls; it returns how long the next poll may sleep, in milliseconds.
	tick(w *worker, now int64) int
}

// counters are written by one worker and read by the one that keeps time.
type counters struct {
	ops, bytes, errors atomic.Int64
	fresh              atomic.Int64 // connections that were not heard yet
	owed               atomic.Int64 // answers to wait for, 1 at the least until the worker is draining
	_                  [88]byte     // one cache line pair each
}

type worker struct {
	spec    *Spec
	to      *unix.SockaddrInet4
	ep      int
	conns   []conn
	live    int
	proto   proto
	pat     pattern
	scratch []byte
	hist    *hdrhistogram.Histogram
	late    *hdrhistogram.Histogram
	clock   *clock

	measuring bool
	draining  bool
	fresh     int // connections that were not heard yet
	owed      int // answers that did not come yet
	ops       int64
	bytes     int64
	errors    int64
	lost      int64
	first     error
	published *counters
}

// ErrSilent reports a connection whose answer, or its rest, had not come when the run ended, and did not
// come in the patience after it.
var ErrSilent = errors.New("load: an answer never came")

// errStop ends a connection without counting it as an error.
var errStop = errors.New("load: connection is done")

func newWorker(spec *Spec, conns int, clk *clock, pub *counters) (*worker, error) {
	to, err := sockaddr(spec.Addr)
	if err != nil {
		return nil, err
	}
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("load: epoll_create1: %w", err)
	}
	w := &worker{
		spec: spec, to: to, ep: ep, clock: clk, published: pub,
		conns:   make([]conn, conns),
		fresh:   conns,
		pat:     newPattern(longest(spec)),
		scratch: make([]byte, scratchSize),
		hist:    newHistogram(),
		late:    newHistogram(),
	}
	pub.fresh.Store(int64(conns))
	pub.owed.Store(1)
	w.proto, err = newProto(spec)
	return w, err
}

// scratchSize is how much is received at a time.
const scratchSize = 64 << 10

// longest is the most that is sent or compared at once: a message, a piece of a body, a receive.
func longest(spec *Spec) int {
	switch spec.Kind {
	case Get, Slow, TLSGet, TLSChurn:
		return scratchSize
	case Put:
		return max(bodyPiece, scratchSize)
	}
	return max(spec.Size*spec.Depth, scratchSize)
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(100, int64(time.Minute), 3)
}

// open connects all of the worker's connections.
func (w *worker) open() error {
	for i := range w.conns {
		c := &w.conns[i]
		c.id, c.fd = int32(i), -1
		if w.spec.Kind == Churn || w.spec.Kind == TLSChurn {
			continue // begin connects
		}
		fd, err := w.dial()
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		c.fd = fd
	}
	return nil
}

func (w *worker) dial() (int, error) {
	if w.spec.Kind == Dgram {
		return dialDgram(w.to)
	}
	return dial(w.to, w.spec.Kind == Slow)
}

func (w *worker) close() {
	for i := range w.conns {
		if w.conns[i].fd >= 0 {
			unix.Close(w.conns[i].fd)
			w.conns[i].fd = -1
		}
	}
	unix.Close(w.ep)
}

// run makes traffic until the clock says stop or no connection is left.
func (w *worker) run() {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	if p, ok := w.proto.(*tlsProto); ok {
		defer p.end()
	}
	defer w.published.owed.Store(0)
	w.begin()
	if w == w.clock.workers[0] {
		w.clock.start()
	}
	events := make([]unix.EpollEvent, 512)
	for w.live > 0 && w.clock.tick(w) {
		timeout := w.proto.tick(w, nanotime())
		n, errno := epollWait(w.ep, events, timeout)
		if errno != 0 && errno != unix.EINTR {
			w.fail(fmt.Errorf("load: epoll_wait: %w", errno))
			return
		}
		if errno != 0 {
			continue
		}
		for i := range events[:n] {
			w.event(&events[i])
		}
		w.publish()
	}
	w.giveUp()
	w.publish()
}

// begin starts all connections: of large messages that is work before the first answer can be read.
func (w *worker) begin() {
	w.live = len(w.conns)
	for i := range w.conns {
		c := &w.conns[i]
		if c.fd >= 0 {
			if err := watch(w.ep, c.fd, c.id); err != nil {
				w.drop(c, err)
				continue
			}
		}
		if err := w.proto.begin(w, c); err != nil {
			w.drop(c, err)
		}
	}
}

// enter is called between polls with the clock's phase.
func (w *worker) enter(phase int32) {
	if phase == running && !w.measuring && w.spec.Kind == Slow {
		// A slow download lasts longer than a run: something of it must come in every run.
		for i := range w.conns {
			w.conns[i].heard = false
		}
		w.fresh = w.live
	}
	if phase != stopped { // giveUp asks for the phase before
		w.measuring, w.draining = phase == running, phase == draining
	}
}

// outstanding is how many answers the run's end has to wait for.
func (w *worker) outstanding() int {
	switch w.spec.Kind {
	case Dgram:
		return 0 // they may be lost
	case Slow:
		return w.fresh
	}
	return w.owed
}

// giveUp counts the connections that still wait for an answer when the wait is over: an error of the
// server's, which has lost bytes. Without patience nobody waited, and without any answer that is the error.
func (w *worker) giveUp() {
	if !w.draining || w.spec.Patience <= 0 || w.outstanding() == 0 || !w.clock.answered() {
		return
	}
	for i := range w.conns {
		c := &w.conns[i]
		if c.owed > 0 && (w.spec.Kind != Slow || !c.heard) {
			w.fail(fmt.Errorf("%w: connection %d", ErrSilent, c.id))
		}
	}
}

func (w *worker) event(ev *unix.EpollEvent) {
	c := &w.conns[ev.Fd]
	if c.fd < 0 {
		return
	}
	if len(c.rest) > 0 {
		if err := w.flush(c); err != nil {
			w.drop(c, err)
			return
		}
	}
	c.ended = ev.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0
	if c.ended || ev.Events&unix.EPOLLIN != 0 {
		if err := w.proto.readable(w, c); err != nil {
			w.drop(c, err)
		}
	}
}

func (w *worker) publish() {
	w.published.ops.Store(w.ops)
	w.published.bytes.Store(w.bytes)
	w.published.errors.Store(w.errors)
	w.published.fresh.Store(int64(w.fresh))
	if w.draining {
		w.published.owed.Store(int64(w.outstanding()))
	}
}

// write sends b or keeps what the socket does not take; b stays untouched until it is sent.
func (w *worker) write(c *conn, b []byte) error {
	c.rest = b
	return w.flush(c)
}

func (w *worker) flush(c *conn) error {
	for len(c.rest) > 0 {
		n, errno := send(c.fd, c.rest)
		switch errno {
		case 0:
			if c.rest = c.rest[n:]; len(c.rest) == 0 && c.body > 0 {
				w.nextPiece(c)
			}
		case unix.EAGAIN:
			return nil
		case unix.EINTR:
		default:
			return fmt.Errorf("load: send: %w", errno)
		}
	}
	return nil
}

// bodyPiece is how much of a body is sent at a time.
const bodyPiece = 1 << 20

// nextPiece makes the next piece of the body what is to be sent.
func (w *worker) nextPiece(c *conn) {
	c.rest = w.pat.at(uint64(c.done), min(c.body, bodyPiece))
	c.done += len(c.rest)
	c.body -= len(c.rest)
	w.bytes += int64(len(c.rest))
}

// ask begins an operation that has to be answered.
func (w *worker) ask(c *conn, now int64) {
	c.busy = now
	c.owed++
	w.owed++
}

// hear notes that the server answers c.
func (w *worker) hear(c *conn) {
	if !c.heard {
		c.heard = true
		w.fresh--
	}
}

// done counts one answered operation that began at c.busy.
func (w *worker) done(c *conn, now int64, ops int) {
	w.hear(c)
	c.owed--
	w.owed--
	c.ops += int64(ops)
	w.ops += int64(ops)
	// An open loop's counts from when it was due, and is waited for after the run, too.
	if w.spec.Kind == Open {
		if (w.measuring || w.draining) && c.busy >= w.clock.since {
			_ = w.hist.RecordValue(now - c.busy)
		}
	} else if w.measuring {
		_ = w.hist.RecordValue(now - c.busy) // out of range means over a minute: the watchdog's case
	}
}

// drop closes a connection and remembers why.
func (w *worker) drop(c *conn, err error) {
	if c.fd >= 0 {
		unix.Close(c.fd)
		c.fd = -1
	}
	w.hear(c) // it will not be
	w.owed -= c.owed
	c.owed = 0
	w.live--
	if !errors.Is(err, errStop) {
		w.fail(err)
	}
}

func (w *worker) fail(err error) {
	w.errors++
	if w.first == nil {
		w.first = err
	}
}
