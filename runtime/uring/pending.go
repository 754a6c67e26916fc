//go:build linux

package uring

import (
	"github.com/headrace/headrace/runtime/driver"
)

// outcome is a final result that the engine made itself.
type outcome struct {
	slot uint32
	n    int
	err  error
}

// pend has slot i completed by the Poll to come, or the one going on. The slot
// must be in no list and not armed.
func (e *engine) pend(i uint32, n int, err error) {
	e.pending = append(e.pending, outcome{i, n, err})
}

// abandon ends an operation that is not with the kernel because its owner, or the
// closing of its socket, asked for that.
func (e *engine) abandon(i uint32) {
	s := &e.slots.all[i]
	n := 0
	switch s.op.Code {
	case driver.RecvInto:
		n = s.want
	case driver.Connect:
		e.dropConnect(s)
	case driver.SendFile:
		s.dropChunk()
	case driver.Close:
		_ = closeAside(s)
	}
	e.pend(i, n, driver.ErrCanceled)
}

// deliverPending completes what pend collected. What callbacks add is for the
// next Poll.
func (e *engine) deliverPending() {
	batch := e.pending
	e.pending, e.spare = e.spare[:0], nil
	for k := range batch {
		o := &batch[k]
		if s := &e.slots.all[o.slot]; s.op.Code == driver.Close && o.err == nil {
			e.closeNow(o.slot, s)
			continue
		}
		e.finish(o.slot, driver.Result{N: o.n, Err: o.err})
	}
	clear(batch)
	e.spare = batch[:0]
}
