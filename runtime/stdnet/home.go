package stdnet

import (
	goruntime "runtime"
	"sync"
	"sync/atomic"

	"github.com/headrace/headrace/runtime"
)

// home is what a loop has for the connections of this package. It batches both
// ways: connections with something to do on the loop share one task, and readers
// are woken together, once the turn's data is in.
type home struct {
	heat
	loop  *runtime.Loop
	cfg   runtime.Config
	conns atomic.Int64

	portable bool      // the engine: going there never pays, and there is no way back
	copies   sync.Pool // of *[copySize]byte

	mu      sync.Mutex
	dirty   []*ring // have something to do on the loop
	posted  bool    // the task is posted, or runs
	origins []*origin

	// The loop's own.
	running  []*ring
	readers  []*ring // to be woken
	gathered int     // how many of them there were a turn ago
}

func newHome(l *runtime.Loop) *home {
	return &home{
		loop: l, cfg: l.Runtime().Config(),
		portable: l.Runtime().Backend() == runtime.Portable,
	}
}

// origin returns the one origin that says this.
func (h *home) origin(network string, mode Mode) *origin {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, o := range h.origins { // a handful: networks and modes are few
		if o.network == network && o.mode == mode {
			return o
		}
	}
	o := &origin{h, network, mode}
	h.origins = append(h.origins, o)
	return o
}

// mark has r flushed on the loop, soon. It may be called from any goroutine.
func (h *home) mark(r *ring) {
	h.mu.Lock()
	h.dirty = append(h.dirty, r)
	post := !h.posted
	h.posted = true
	h.mu.Unlock()
	if post {
		h.post()
	}
}

// wake has r's reader woken with the others. It is called on the loop.
func (h *home) wake(r *ring) {
	h.readers = append(h.readers, r)
	if len(h.readers) > 1 {
		return
	}
	h.mu.Lock()
	post := !h.posted
	h.posted = true
	h.mu.Unlock()
	if post {
		h.post()
	}
}

// post posts the task. On a loop that has ended all connections have too.
func (h *home) post() { _ = h.loop.PostTask(h) }

// fewReaders are not kept waiting for others.
const fewReaders = 8

// gathers reports whether the readers had better wait for another turn. The kernel ends
// a turn after 20 receives, and each time that readers are woken costs two thread
// switches: while more come, most of those that were active lately are woken as one.
// All of them would leave the peers nothing to do meanwhile.
func (h *home) gathers() bool {
	n := len(h.readers)
	more := n > h.gathered && n >= fewReaders && n < int(h.lately.Load())*3/4
	if h.gathered = n; !more {
		h.gathered = 0
	}
	return more
}

// passes bounds how often Run looks again before the network has its turn, and yields
// how often it lets the others run for the same readers.
const passes, yields = 2, 3

// Run is the task: it flushes, wakes, lets those who were woken run, and flushes
// what they wrote, so that it all leaves in one system call.
func (h *home) Run(*runtime.Loop) {
	woken, yielded := 0, 0
	for pass := 0; ; {
		flushed, done := h.flush()
		if done {
			return
		}
		woken -= flushed
		switch {
		case len(h.readers) == 0 && woken > 0 && yielded < yields && goruntime.GOMAXPROCS(0) == 1:
			// The scheduler looks at every 61st goroutine who else is there, and so the
			// loop is back before all that it woke have run. Where they have a processor
			// of their own they need not be waited for.
			yielded++
			goruntime.Gosched()
			continue
		case len(h.readers) == 0 && pass < passes: // look again
		case len(h.readers) == 0, h.gathers():
			h.post()
			return
		default:
			woken, yielded = h.wakeAll(), 0
			goruntime.Gosched()
		}
		pass++
	}
}

// flush flushes those that have something to do on the loop, and returns how many they
// were. It is done when there is nobody to be woken either, and whoever comes next
// posts the task.
func (h *home) flush() (n int, done bool) {
	h.mu.Lock()
	h.running, h.dirty = h.dirty, h.running[:0]
	n = len(h.running)
	done = n == 0 && len(h.readers) == 0
	if done {
		h.posted = false
	}
	h.mu.Unlock()
	for i, r := range h.running {
		h.running[i] = nil
		r.flush()
	}
	return n, done
}

// wakeAll wakes the readers and returns how many they were.
func (h *home) wakeAll() int {
	n := len(h.readers)
	for i, r := range h.readers {
		h.readers[i] = nil
		r.queued = false
		poke(r.reader)
	}
	h.readers = h.readers[:0]
	return n
}
