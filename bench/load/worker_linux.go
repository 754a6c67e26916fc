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
	_                  [104]byte // one cache line pair each
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
	ops       int64
	bytes     int64
	errors    int64
	lost      int64
	first     error
	published *counters
}

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
		pat:     newPattern(longest(spec)),
		scratch: make([]byte, scratchSize),
		hist:    newHistogram(),
		late:    newHistogram(),
	}
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
	w.publish()
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
	if ev.Events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		if err := w.proto.readable(w, c); err != nil {
			w.drop(c, err)
		}
	}
}

func (w *worker) publish() {
	w.published.ops.Store(w.ops)
	w.published.bytes.Store(w.bytes)
	w.published.errors.Store(w.errors)
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

// done counts one answered operation that began at c.busy.
func (w *worker) done(c *conn, now int64, ops int) {
	c.ops += int64(ops)
	w.ops += int64(ops)
	if w.measuring {
		_ = w.hist.RecordValue(now - c.busy) // out of range means over a minute: the watchdog's case
	}
}

// drop closes a connection and remembers why.
func (w *worker) drop(c *conn, err error) {
	if c.fd >= 0 {
		unix.Close(c.fd)
		c.fd = -1
	}
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
