//go:build linux

package load

import (
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// ErrOverload reports an open-loop rate so far above what the server does that it was given up.
var ErrOverload = errors.New("load: the server is too slow for this rate")

// dueMax is how many unanswered messages one connection may have.
const dueMax = 1 << 14

// openProto sends messages when they are due, not when the server is ready for them. A message's
// latency counts from the moment it was due: a server that stalls is charged for every message that
// would have come in the meantime.
type openProto struct {
	size     int
	interval float64 // nanoseconds between two messages of this worker
	start    int64
	count    int64 // messages that were due so far
	turn     int   // the connection of the next one
}

func newOpen(spec *Spec) (*openProto, error) {
	if spec.Rate <= 0 {
		return nil, fmt.Errorf("load: an open loop needs a rate, got %g", spec.Rate)
	}
	return &openProto{size: spec.Size, interval: float64(spec.Threads) * float64(time.Second) / spec.Rate}, nil
}

func (o *openProto) begin(_ *worker, c *conn) error {
	c.sent = uint64(c.id) * 977
	c.got = c.sent
	c.need = o.size
	return nil
}

// tick sends what is due. It never lets the poll sleep: this worker's core is its own.
func (o *openProto) tick(w *worker, now int64) int {
	if o.start == 0 {
		o.start = now
	}
	if w.draining {
		return pollMs
	}
	for w.live > 0 {
		due := o.start + int64(float64(o.count)*o.interval)
		if due > now {
			break
		}
		c := o.nextLive(w)
		o.count++
		if err := o.push(w, c, due); err != nil {
			w.drop(c, err)
		}
	}
	return 0
}

func (o *openProto) nextLive(w *worker) *conn {
	for {
		c := &w.conns[o.turn]
		o.turn = (o.turn + 1) % len(w.conns)
		if c.fd >= 0 {
			return c
		}
	}
}

func (o *openProto) push(w *worker, c *conn, due int64) error {
	if len(c.due) >= dueMax {
		return ErrOverload
	}
	c.due = append(c.due, due)
	w.ask(c, due)
	if w.measuring {
		_ = w.late.RecordValue(max(nanotime()-due, 0))
	}
	c.unsent++
	return o.send(w, c)
}

// send writes the messages that wait, one by one, as long as the socket takes them.
func (o *openProto) send(w *worker, c *conn) error {
	for c.unsent > 0 && len(c.rest) == 0 {
		b := w.pat.at(c.sent, o.size)
		c.sent += uint64(o.size)
		c.unsent--
		if err := w.write(c, b); err != nil {
			return err
		}
	}
	return nil
}

func (o *openProto) readable(w *worker, c *conn) error {
	for {
		n, errno := recv(c.fd, w.scratch)
		switch {
		case errno == unix.EAGAIN:
			return o.send(w, c)
		case errno == unix.EINTR:
			continue
		case errno != 0:
			return fmt.Errorf("load: recv: %w", errno)
		case n == 0:
			return io.ErrUnexpectedEOF
		}
		if err := w.check(c, w.scratch[:n]); err != nil {
			return err
		}
		o.complete(w, c, n)
		if n < len(w.scratch) && !c.ended {
			return o.send(w, c)
		}
	}
}

// complete counts the messages whose last byte is among the n that came.
func (o *openProto) complete(w *worker, c *conn, n int) {
	now := nanotime()
	answered := 0
	for n >= c.need && answered < len(c.due) {
		n -= c.need
		c.need = o.size
		c.busy = c.due[answered]
		answered++
		w.done(c, now, 1)
	}
	c.need -= n
	c.due = append(c.due[:0], c.due[answered:]...)
}

// unanswered charges the messages that no answer came for, not even in the wait after the run.
func (o *openProto) unanswered(w *worker, now int64) {
	for i := range w.conns {
		for _, due := range w.conns[i].due {
			if due >= w.clock.since {
				_ = w.hist.RecordValue(now - due)
			}
		}
	}
}
