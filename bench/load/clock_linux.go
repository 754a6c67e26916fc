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
	since      int64 // when the first snapshot was taken: what was due before is not measured
	phase      atomic.Int32
	begin, end snapshot
	cold       bool // the warm-up ended before every connection was answered once
	err        error
	usage      func(group int) (measure.Usage, error)
}

const (
	warming  int32 = iota
	running        // what is counted
	draining       // nothing more is asked, what was asked must be answered
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
	w.enter(phase)
	return phase != stopped
}

func (k *clock) keep(w *worker) {
	now := nanotime()
	switch k.phase.Load() {
	case warming:
		if now < k.warm {
			return
		}
		w.publish()
		k.cold = k.sum(fresh) > 0
		if k.cold && now < k.warm+int64(k.spec.Patience) {
			return
		}
		k.run(w)
	case running:
		if now < k.stop {
			return
		}
		w.publish()
		// What the warm-up took of the patience is gone.
		left := int64(k.spec.Patience) - (k.begin.at - k.warm)
		if now < k.stop+left && !k.answered() {
			return
		}
		k.end = k.snap()
		k.stop = nanotime() + int64(k.spec.Patience)
		k.phase.Store(draining)
	case draining:
		w.publish()
		if now >= k.stop || !k.answered() || k.sum(owed) == 0 {
			k.phase.Store(stopped)
		}
	}
}

// run ends the warm-up. The snapshot takes milliseconds, in which this worker sends nothing: an open
// loop's schedule waits as long, else the generator's pause would be the server's latency.
func (k *clock) run(w *worker) {
	k.begin = k.snap()
	k.since = nanotime()
	if o, ok := w.proto.(*openProto); ok {
		o.start += k.since - k.begin.at
		k.begin.at = k.since
	}
	k.stop = k.begin.at + int64(k.spec.Duration)
	k.phase.Store(running)
}

func fresh(c *counters) int64 { return c.fresh.Load() }
func owed(c *counters) int64  { return c.owed.Load() }

func (k *clock) sum(of func(*counters) int64) int64 {
	var n int64
	for i := range k.counts {
		n += of(&k.counts[i])
	}
	return n
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

// total is what was answered from the first connection on to now.
func (k *clock) total() (ops int64) {
	for _, w := range k.workers {
		ops += w.ops
	}
	return ops
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
		if s.server, err = k.usage(k.spec.Group); err != nil && k.err == nil {
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
