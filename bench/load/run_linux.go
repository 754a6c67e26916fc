//go:build linux

package load

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/headrace/headrace/bench/measure"
)

// ErrNoAnswer reports a run in which not one operation was answered.
var ErrNoAnswer = errors.New("load: no operation was answered")

// memoryLimit is where the collector begins after all: handshakes allocate, and a run may be long.
const memoryLimit = 1 << 30

// Run makes the traffic of spec and returns what it measured. It is meant to have its process for
// itself: the collector is off while it runs, and worker threads block in the kernel.
func Run(spec Spec) (Result, error) {
	spec = spec.withDefaults()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryLimit))
	defer goruntime.GOMAXPROCS(goruntime.GOMAXPROCS(max(spec.Threads, goruntime.GOMAXPROCS(0))))

	if spec.Kind == Idle {
		if err := greet(&spec); err != nil {
			return Result{}, err
		}
	}
	var before measure.Usage
	if spec.Group > 0 {
		var err error
		if before, err = measure.Group(spec.Group); err != nil {
			return Result{}, err
		}
	}
	k := &clock{spec: &spec, counts: make([]counters, spec.Threads), usage: measure.Group}
	defer func() {
		for _, w := range k.workers {
			w.close()
		}
	}()
	for i := range spec.Threads {
		share := spec.Conns / spec.Threads
		if i < spec.Conns%spec.Threads {
			share++
		}
		w, err := newWorker(&spec, share, k, &k.counts[i])
		if err != nil {
			return Result{}, err
		}
		k.workers = append(k.workers, w)
		if err := w.open(); err != nil {
			return Result{}, err
		}
	}
	var wg sync.WaitGroup
	for _, w := range k.workers[1:] {
		wg.Go(w.run)
	}
	k.workers[0].run()
	k.finish()
	wg.Wait()
	return k.result(before)
}

func (k *clock) result(before measure.Usage) (Result, error) {
	b, e := &k.begin, &k.end
	r := Result{
		Conns: k.spec.Conns, Ops: e.ops - b.ops, Total: k.total(), Bytes: e.bytes - b.bytes, Cold: k.cold,
		Elapsed: time.Duration(e.at - b.at), Client: e.client - b.client,
		ClientThreads: k.spec.Threads, ClientBusy: e.own - b.own,
		ServerBusy: e.busy - b.busy, ServerCores: len(k.spec.Cores), Shared: k.spec.shared(),
		Server: e.server.Since(b.server), Before: before,
	}
	r.Threads = r.Server.ByThread()
	hist, late := newHistogram(), newHistogram()
	var first error
	for _, w := range k.workers {
		if o, ok := w.proto.(*openProto); ok {
			o.unanswered(w, nanotime())
		}
		r.Lost += w.lost
		r.Errors += w.errors
		hist.Merge(w.hist)
		late.Merge(w.late)
		if first == nil {
			first = w.first
		}
	}
	q := func(p float64) time.Duration { return time.Duration(hist.ValueAtQuantile(p)) }
	r.Latency = Latency{
		Count: hist.TotalCount(), P50: q(50), P90: q(90), P99: q(99), P999: q(99.9),
		Max: time.Duration(hist.Max()), Late: time.Duration(late.ValueAtQuantile(99)),
	}
	// An open loop polls all the time; whether it kept its rate is what Latency.Late says.
	r.Bound = k.spec.Kind != Open && len(k.spec.Cores) > 0 && r.bound()
	if r.Lost < 0 { // one came twice so late that nothing was known of it any more
		r.Errors++
		first = fmt.Errorf("%w: %d datagrams more than were sent", ErrBytes, -r.Lost)
	}
	if first != nil {
		r.Error = first.Error()
	}
	r.Few = k.spec.closed() && r.Ops < few*int64(r.Conns)
	answered := r.Ops > 0 || k.spec.Kind == Idle || k.spec.Kind == Slow && r.Bytes > 0
	switch {
	case k.err != nil:
		return r, k.err
	case !answered && first != nil:
		return r, fmt.Errorf("%w: %w", ErrNoAnswer, first)
	case !answered:
		return r, ErrNoAnswer
	case k.spec.Kind == Idle && first == nil && e.ops < int64(r.Conns):
		return r, fmt.Errorf("%w on %d of %d connections", ErrNoAnswer, int64(r.Conns)-e.ops, r.Conns)
	}
	return r, nil
}
