package portable

import (
	"net"
	goruntime "runtime"
	"time"

	"github.com/headrace/headrace/runtime/driver"
)

// Wake implements [driver.Engine].
func (e *engine) Wake() { e.queue.wake() }

// Poll implements [driver.Engine].
func (e *engine) Poll(wait time.Duration) (int, error) {
	e.stats.Enters++
	n := e.deliver()
	if n == 0 && e.closed {
		return 0, net.ErrClosed
	}
	var deadline time.Time
	if wait > 0 {
		deadline = time.Now().Add(wait)
	}
	left := wait
	for n == 0 && left != 0 && !e.queue.woken.Load() {
		if e.ready.empty() {
			e.waitAtMost(left)
		}
		n = e.deliver()
		if wait > 0 {
			left = max(0, time.Until(deadline))
		}
	}
	e.queue.woken.Store(false)
	return n, nil
}

// waitAtMost waits for something to be posted, and less long while a receive
// waits for memory.
func (e *engine) waitAtMost(d time.Duration) {
	if !e.hungry.empty() && (d < 0 || d > retryMemory) {
		d = retryMemory
	}
	began := time.Now()
	e.queue.wait(d)
	// Who posts first makes the loop the next to run. It steps back, so that one
	// round serves all whose sockets are ready now.
	goruntime.Gosched()
	e.letOthersIn()
	e.stats.InKernel += time.Since(began)
}

// Go's scheduler asks the network who is ready when nobody else is to run, or every 10 ms.
// On one processor a loop and its quick peers keep it busy all the time, and the others
// wait: so a loop with full rounds rests for a moment after some of them.
const (
	restAfter = 4 // rounds
	fullRound = 8 // completions
	rest      = 20 * time.Microsecond
)

func (e *engine) letOthersIn() {
	e.rounds++
	if e.rounds < restAfter {
		return
	}
	if e.work >= restAfter*fullRound {
		time.Sleep(rest)
	}
	e.rounds, e.work = 0, 0
}

// reap takes in what goroutines posted and tells whether there was any.
func (e *engine) reap() bool {
	e.queue.drain(&e.ready)
	return !e.ready.empty()
}

// deliver ends a round: it completes what has landed by now and returns how many
// completions that made. What lands meanwhile is for the next round, so that an
// owner who submits from Complete can not hold the loop here.
func (e *engine) deliver() int {
	e.delivered = 0
	e.feed()
	e.reap()
	batch := e.ready
	e.ready = list{}
	for fl := batch.pop(); fl != nil; fl = batch.pop() {
		e.finish(fl)
	}
	return e.delivered
}

// finish turns a landed flight into a completion, and starts what repeats anew.
func (e *engine) finish(fl *flight) {
	if fl.final {
		e.complete(fl, driver.Result{N: fl.n, Err: fl.err})
		return
	}
	switch fl.op.Code {
	case driver.Accept:
		e.accepted(fl)
	case driver.Connect:
		e.connected(fl)
	case driver.Recv:
		e.received(fl)
	case driver.RecvInto:
		e.receivedInto(fl)
	case driver.RecvFrom:
		e.receivedFrom(fl)
	case driver.Send, driver.SendFile, driver.SendTo:
		e.sent(fl)
	case driver.Close:
		e.socketClosed(fl)
	default:
		e.complete(fl, driver.Result{N: fl.n, Err: fl.err})
	}
}

// complete calls the owner. The record is the caller's before that, unless more
// is to come.
func (e *engine) complete(fl *flight, r driver.Result) {
	op := fl.op
	if !r.More {
		e.retire(fl)
	}
	if r.Err == driver.ErrCanceled {
		e.stats.Canceled++
	}
	if r.Err != nil || op.Code != driver.Accept && op.Code != driver.Connect {
		r.Socket = driver.NoSocket
	}
	e.delivered++
	e.work++
	e.result = r
	op.Owner.Complete(op, &e.result)
}
