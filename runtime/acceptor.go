package runtime

import (
	"errors"
	"syscall"
	"time"

	"github.com/headrace/headrace/runtime/driver"
)

// acceptor is a listener's part on one loop: a listening socket and the
// operation that accepts on it. It is touched on that loop only.
type acceptor struct {
	ln      *Listener
	loop    *Loop
	sock    driver.Socket
	op      driver.Op
	closeOp driver.Op

	closing bool
	delay   time.Duration
	timer   *Timer
}

// How long accepting rests when descriptors or memory run out: the connections
// that wait stay in the backlog.
const (
	minAcceptDelay = 5 * time.Millisecond
	maxAcceptDelay = 200 * time.Millisecond
)

// accept starts accepting, if it can.
func (a *acceptor) accept() {
	if a.closing || a.op.InFlight() {
		return
	}
	if !a.ln.rt.mustWait(a) {
		a.loop.engine.Submit(&a.op)
	}
}

// stop closes the listening socket.
func (a *acceptor) stop() {
	if a.closing {
		return
	}
	a.closing = true
	a.ln.rt.waiting.leave(a)
	if a.timer != nil {
		a.timer.Stop()
	}
	a.loop.engine.Submit(&a.closeOp)
}

// Complete receives the engine's completions.
func (a *acceptor) Complete(op *driver.Op, r *driver.Result) {
	if op.Code == driver.Close {
		delete(a.loop.others, a)
		a.ln.gone()
		return
	}
	if r.Err == nil && r.Socket != driver.NoSocket {
		a.delay = 0
		a.place(r.Socket)
	}
	if a.closing {
		return
	}
	if r.More {
		if a.ln.rt.full() {
			a.loop.engine.Cancel(&a.op) // then it waits
		}
		return
	}
	if r.Err == nil || errors.Is(r.Err, driver.ErrCanceled) {
		a.accept()
		return
	}
	a.rest(r.Err)
}

// rest tries again later.
func (a *acceptor) rest(err error) {
	if a.delay == 0 {
		a.loop.log.Warn("accepting rests", "addr", a.ln.addr.String(), "err", err, "lacking", lacking(err))
	}
	a.delay = min(max(a.delay*2, minAcceptDelay), maxAcceptDelay)
	a.loop.stats.AcceptRests++
	if rests := a.loop.rt.cfg.Hooks.AcceptRests; rests != nil {
		addr, delay := a.ln.addr, a.delay
		a.loop.later(nil, func() { rests(addr, err, delay) })
	}
	if a.timer == nil {
		a.timer = a.loop.AfterFunc(a.delay, a.accept)
		return
	}
	a.timer.Reset(a.delay)
}

// lacking says what an accept error is about.
func lacking(err error) string {
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "descriptors"
	case errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.ENOBUFS):
		return "memory"
	}
	return "other"
}

// place gives a new connection to a loop.
func (a *acceptor) place(s driver.Socket) {
	l, ln := a.loop, a.ln
	ln.conns.Add(1)
	ln.rt.conns.Add(1)
	l.stats.Accepted++
	target := l
	if ln.spread {
		target = ln.rt.leastLoaded(l)
	}
	target.numConns.Add(1)
	if target == l {
		l.newborns = append(l.newborns, newborn{sock: s, ln: ln, accept: ln.accept})
		return
	}
	err := a.hand(target, s)
	if err != nil {
		target.numConns.Add(-1)
		l.numConns.Add(1)
		l.newborns = append(l.newborns, newborn{sock: s, ln: ln, accept: ln.accept})
	}
}

// hand moves a connection to another loop.
func (a *acceptor) hand(target *Loop, s driver.Socket) error {
	d, err := a.loop.engine.Detach(s)
	if err != nil {
		return err
	}
	ln := a.ln
	give := func() {
		s, err := target.engine.Attach(d)
		if err != nil {
			closeDetached(d)
			target.log.Warn("a connection was lost between loops", "err", err)
			target.numConns.Add(-1)
			ln.rt.connEnded(ln)
			return
		}
		target.newborns = append(target.newborns, newborn{sock: s, ln: ln, accept: ln.accept})
	}
	if err := target.Post(give); err != nil {
		closeDetached(d)
		target.numConns.Add(-1)
		ln.rt.connEnded(ln)
	}
	return nil
}
