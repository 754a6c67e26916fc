//go:build linux

package load

import (
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/bench/measure"
)

// pollMs bounds a poll's sleep, so that the clock is looked at often enough.
const pollMs = 5

// snapshot is every counter at one moment.
type snapshot struct {
	at                 int64
	ops, bytes, errors int64
	client, busy, own  time.Duration
	server             measure.Usage
}

// clock says when warm-up and run end. Worker 0 keeps it: it alone takes the two snapshots; with one
// worker there is no other thread that could.
type clock struct {
	spec       *Spec
	workers    []*worker
	counts     []counters
	warm, stop int64
	phase      atomic.Int32
	begin, end snapshot
	err        error
}

const (
	warming int32 = iota
	running
	stopped
)

func (k *clock) start() {
	now := nanotime()
	k.warm = now + int64(k.spec.Warmup)
	k.stop = k.warm + int64(k.spec.Duration)
}

// tick moves w along and returns false when the run is over.
func (k *clock) tick(w *worker) bool {
	if w == k.workers[0] {
		k.keep(w)
	}
	phase := k.phase.Load()
	w.measuring = phase == running
	return phase != stopped
}

func (k *clock) keep(w *worker) {
	now := nanotime()
	switch k.phase.Load() {
	case warming:
		if now >= k.warm {
			w.publish()
			k.begin = k.snap()
			k.stop = k.begin.at + int64(k.spec.Duration)
			k.phase.Store(running)
		}
	case running:
		if now < k.stop {
			return
		}
		w.publish()
		if now < k.stop+int64(k.spec.Patience) && !k.answered() {
			return
		}
		k.end = k.snap()
		k.phase.Store(stopped)
	}
}

// answered tells whether the run has anything to show.
func (k *clock) answered() bool {
	var ops, bytes int64
	for i := range k.counts {
		ops += k.counts[i].ops.Load()
		bytes += k.counts[i].bytes.Load()
	}
	b := &k.begin
	return ops > b.ops || k.spec.Kind == Idle || k.spec.Kind == Slow && bytes > b.bytes
}

// finish takes the snapshots that are missing because worker 0 ended before its time.
func (k *clock) finish() {
	switch k.phase.Load() {
	case warming:
		k.begin = k.snap()
		k.end = k.begin
	case running:
		k.end = k.snap()
	}
	k.phase.Store(stopped)
}

func (k *clock) snap() snapshot {
	s := snapshot{at: nanotime(), client: measure.Self()}
	for i := range k.counts {
		s.ops += k.counts[i].ops.Load()
		s.bytes += k.counts[i].bytes.Load()
		s.errors += k.counts[i].errors.Load()
	}
	var err error
	if k.spec.Group > 0 {
		if s.server, err = measure.Group(k.spec.Group); err != nil && k.err == nil {
			k.err = err
		}
	}
	if s.busy, err = measure.Busy(k.spec.Cores...); err != nil && k.err == nil {
		k.err = err
	}
	if s.own, err = measure.Busy(k.spec.Own...); err != nil && k.err == nil {
		k.err = err
	}
	return s
}
