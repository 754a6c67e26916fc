package faults

import "github.com/headrace/headrace/runtime/driver"

// event is a completion or a Cancel that is held back.
type event struct {
	f      *flight
	cancel bool // and no completion
	res    driver.Result
	due    int // tick
}

// maxDelay is how many Polls an event is held back at most.
const maxDelay = 4

// hold puts a completion off, behind the earlier ones of the same operation.
func (e *engine) hold(f *flight, res driver.Result) {
	f.held++
	f.due = max(f.due, e.tick+1+e.rand.IntN(maxDelay))
	e.queue = append(e.queue, event{f: f, res: kept(res), due: f.due})
}

// holdCancel puts a Cancel off.
func (e *engine) holdCancel(f *flight) {
	e.queue = append(e.queue, event{f: f, cancel: true, due: e.tick + 1 + e.rand.IntN(maxDelay)})
}

// handle takes the events that are wanted out of the queue and lets them happen,
// and those that these bring about.
func (e *engine) handle(wanted func(*event) bool) {
	for i := 0; i < len(e.queue); {
		if !wanted(&e.queue[i]) {
			i++
			continue
		}
		v := e.queue[i]
		e.queue = append(e.queue[:i], e.queue[i+1:]...)
		if v.cancel {
			v.f.cancel()
			continue
		}
		v.f.held--
		e.deliver(v.f, v.res)
		i = 0 // what the owner did may have changed the queue
	}
}

// emit delivers a completion, now or later.
func (e *engine) emit(f *flight, res driver.Result) {
	if f.held > 0 || f.op.Code != driver.Close && e.hit(Delay) {
		e.hold(f, res)
		return
	}
	e.deliver(f, res)
}

// deliver hands a completion to the owner of the operation.
func (e *engine) deliver(f *flight, res driver.Result) {
	op := f.outer
	if !res.More {
		f.end()
		delete(e.flights, op)
		op.State.Flight = 0
	}
	e.delivered++
	e.result = res
	op.Owner.Complete(op, &e.result)
}
