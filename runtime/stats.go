package runtime

import (
	"expvar"
	"time"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// LoopStats are the counters of one loop since it started. A connection that was
// adopted is in Closed and Conns, in neither Accepted nor Dialed; those of package
// stdnet come and go so, and are in none while they are in Go's netpoller.
type LoopStats struct {
	Loop        int
	Turns       uint64 // times round: tasks, callbacks, one Poll
	BusyPolls   uint64 // sleeps that Config.BusyPoll saved
	Accepted    uint64 // connections accepted
	Dialed      uint64 // connections made
	Closed      uint64 // connections ended
	Failed      uint64 // of these, with an error
	Panics      uint64 // handlers that panicked
	Stalls      uint64 // turns over Config.StallThreshold
	Paused      uint64 // times reading paused because too much was unread or unsent
	Trimmed     uint64 // bytes of buffers given back to the system while idle
	AcceptRests uint64 // times accepting rested for lack of descriptors or memory
	Conns       int    // open now
	Timers      int    // armed now
	Pipes       int    // open now, of relays: two descriptors each

	Paths   PathStats
	Packets PacketStats
	Engine  driver.Stats
	Pool    buffers.PoolStats
}

// PathStats count which paths the size policy chose.
type PathStats struct {
	Sends       uint64 // sends of memory
	BulkSends   uint64 // of these, marked as bulk
	InlineFiles uint64 // file ranges that left from memory, with what was before them
	FileSends   uint64 // operations that sent a piece of a file
	DirectRecvs uint64 // receives straight into memory of the program
	FileWrites  uint64 // writes to files
	Splices     uint64 // receives into a pipe, to be sent from there
}

// Add adds o to s, counter by counter.
func (s *PathStats) Add(o *PathStats) {
	s.Sends += o.Sends
	s.BulkSends += o.BulkSends
	s.InlineFiles += o.InlineFiles
	s.FileSends += o.FileSends
	s.DirectRecvs += o.DirectRecvs
	s.FileWrites += o.FileWrites
	s.Splices += o.Splices
}

// Stats is a snapshot of a runtime.
type Stats struct {
	Backend string
	Uptime  time.Duration
	Loops   []LoopStats
}

// Total adds up the loops' counters; Pool is left out.
func (s Stats) Total() LoopStats {
	var t LoopStats
	for i := range s.Loops {
		l := &s.Loops[i]
		t.Turns += l.Turns
		t.BusyPolls += l.BusyPolls
		t.Accepted += l.Accepted
		t.Dialed += l.Dialed
		t.Closed += l.Closed
		t.Failed += l.Failed
		t.Panics += l.Panics
		t.Stalls += l.Stalls
		t.Paused += l.Paused
		t.Trimmed += l.Trimmed
		t.AcceptRests += l.AcceptRests
		t.Conns += l.Conns
		t.Timers += l.Timers
		t.Pipes += l.Pipes
		t.Paths.Add(&l.Paths)
		t.Packets.Add(&l.Packets)
		t.Engine.Add(&l.Engine)
	}
	return t
}

// snapshot is the loop's counters now. It runs on the loop.
func (l *Loop) snapshot() LoopStats {
	s := l.stats
	s.Loop, s.Conns, s.Timers, s.Pipes = l.index, l.conns.len, l.timers.len(), l.pipes.open
	s.Stalls = l.stalls.Load()
	s.Packets = l.packetStats()
	s.Pool = l.pool.Stats()
	l.engine.Stats(&s.Engine)
	return s
}

// statsPatience is how long Stats waits for a loop that is held by a callback.
const statsPatience = 100 * time.Millisecond

// Stats returns a snapshot. It may be called from any goroutine but a loop's
// (there, use [Loop.Stats]); a loop that a callback holds answers with its
// previous snapshot.
func (rt *Runtime) Stats() Stats {
	s := Stats{Backend: rt.backend.String(), Uptime: time.Since(rt.started), Loops: make([]LoopStats, len(rt.loops))}
	answers := make([]chan struct{}, len(rt.loops))
	for i, l := range rt.loops {
		answers[i] = make(chan struct{})
		if l.Post(func() { l.publish(); close(answers[i]) }) != nil {
			close(answers[i])
		}
	}
	patience := time.NewTimer(statsPatience)
	defer patience.Stop()
	for i, l := range rt.loops {
		select {
		case <-answers[i]:
		case <-l.done:
		case <-patience.C:
			patience.Reset(0)
		}
		s.Loops[i] = *l.published.Load()
	}
	return s
}

// Stats returns the counters of this loop, on this loop.
func (l *Loop) Stats() LoopStats {
	l.mustRun("Loop.Stats")
	return l.snapshot()
}

func (l *Loop) publish() {
	s := l.snapshot()
	l.published.Store(&s)
}

// Var returns the runtime's statistics as an expvar.Var:
//
//	expvar.Publish("headrace", rt.Var())
func (rt *Runtime) Var() expvar.Var { return expvar.Func(func() any { return rt.Stats() }) }
