package runtime

import (
	"os"
	"time"

	"github.com/headrace/headrace/buffers"
)

// abandon tells everybody on a loop whose engine broke. Memory that the kernel
// may still use is not released.
func (l *Loop) abandon(err error) {
	l.asleep.Store(false) // there is nothing to wake
	l.admit()             // what the last completions made due comes first, and is done with
	l.runLaters()
	l.quit = true // who dials or sleeps from now on is told at once
	for s := range l.others {
		if s, ok := s.(abandoner); ok {
			s.abandoned(err)
		}
	}
	for c := l.conns.first; c != nil; c = c.next {
		l.rt.connEnded(c.listener)
		if c.err == nil {
			c.err = err
		}
		if c.handler != nil {
			l.later(c, c.tellClosed)
		} else {
			c.tellHook()
		}
	}
	l.runLaters()
	l.awaitOffloads()
}

// abandoner is a stopper with somebody to tell that the engine broke.
type abandoner interface{ abandoned(err error) }

// awaitOffloads waits for work on other goroutines, whose ends somebody waits for.
func (l *Loop) awaitOffloads() {
	for l.offloading() {
		time.Sleep(time.Millisecond) // there is no engine to wait with
		l.runTasks()
		l.runLaters()
		l.turn.Store(0)
	}
}

func (l *Loop) offloading() bool {
	for s := range l.others {
		if _, ok := s.(*offload); ok {
			return true
		}
	}
	return false
}

func (a *acceptor) abandoned(error) { a.ln.gone() }

func (s *sleeper) abandoned(error) { s.stop() }

func (d *dial) abandoned(err error) {
	d.fail(opError("dial", "", d.network, nil, nil, err))
}

func (d *packetDial) abandoned(err error) {
	d.fail(opError("dial", "", d.network, nil, nil, err))
}

func (w *fileWriter) abandoned(err error) {
	w.lose()
	w.err = &os.PathError{Op: w.op.Code.String(), Path: w.name(), Err: err}
	w.end()
}

// lose leaves what is being written to the engine, for good.
func (w *fileWriter) lose() { w.gone, w.chain = true, buffers.Chain{} }

// abandoned lets the transfer end with its connection, which is told next.
func (r *recvFile) abandoned(error) {
	if r.busy {
		r.busy = false
		r.file.lose()
	}
}

// abandoned ends the socket of a loop whose engine broke. What the kernel may
// still use is not released.
func (c *PacketConn) abandoned(err error) {
	if ln := c.listener; ln != nil {
		ln.gone(c)
	}
	if c.handler != nil {
		c.loop.later(nil, func() { c.handler.Closed(c, err) })
	}
}
