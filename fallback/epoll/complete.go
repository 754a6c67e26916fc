//go:build linux

package epoll

import "github.com/headrace/headrace/runtime/driver"

// completion is a result in line for delivery. The record stays until its final
// one is delivered.
type completion struct {
	slot uint32
	res  driver.Result
}

// emit puts a result in line that others of the same operation follow.
func (e *engine) emit(slot uint32, res driver.Result) {
	res.More = true
	e.done = append(e.done, completion{slot, res})
}

// finish puts the final result in line. The record must be in no queue.
func (e *engine) finish(slot uint32, res driver.Result) {
	r := e.records.at(slot)
	r.stage = stageDone
	if r.chunk != nil {
		r.chunk.Release()
		r.chunk = nil
	}
	if res.Err == driver.ErrCanceled {
		e.stats.Canceled++
	}
	e.stats.Completed++
	e.done = append(e.done, completion{slot, res})
}

// fail is finish with an error alone.
func (e *engine) fail(slot uint32, err error) { e.finish(slot, driver.Result{Err: err}) }

// undelivered is how many results wait.
func (e *engine) undelivered() int { return len(e.done) - e.head }

// deliver calls back for all results there are, those included that callbacks
// add by canceling. A panic of a callback loses nothing but that one result.
func (e *engine) deliver() (n int) {
	for e.head < len(e.done) {
		c := &e.done[e.head]
		slot := c.slot
		e.result, c.res = c.res, driver.Result{}
		e.head++
		n++
		r := e.records.at(slot)
		op := r.op
		if !e.result.More {
			sock := r.socket
			e.retire(slot)
			if op.Code == driver.Close {
				e.forget(sock)
			}
		}
		op.Owner.Complete(op, &e.result)
	}
	e.done, e.head = e.done[:0], 0
	e.result = driver.Result{}
	e.grams.used = 0
	return n
}
