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

// passes bounds how often Run looks again before the network has its turn.
const passes = 2

// Run is the task: it flushes, wakes, lets those who were woken run, and flushes
// what they wrote, so that it all leaves in one system call.
func (h *home) Run(*runtime.Loop) {
	for pass := 0; ; pass++ {
		h.mu.Lock()
		h.running, h.dirty = h.dirty, h.running[:0]
		done := len(h.running) == 0 && len(h.readers) == 0
		if done {
			h.posted = false
		}
		h.mu.Unlock()
		if done {
			return
		}
		for i, r := range h.running {
			h.running[i] = nil
			r.flush()
		}
		if len(h.readers) == 0 {
			if pass >= passes {
				h.post()
				return
			}
			continue
		}
		if h.gathers() {
			h.post()
			return
		}
		for i, r := range h.readers {
			h.readers[i] = nil
			r.queued = false
			poke(r.reader)
		}
		h.readers = h.readers[:0]
		goruntime.Gosched()
	}
}
