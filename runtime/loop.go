package runtime

import (
	"fmt"
	"log/slog"
	goruntime "runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/internal/tries"
	"github.com/headrace/headrace/runtime/driver"
)

// Loop is one goroutine with its engine, its buffers and its connections.
//
// Post, PostTask, Index and Runtime may be called from any goroutine, all other
// methods on the loop's own.
type Loop struct {
	rt     *Runtime
	index  int
	log    *slog.Logger
	pool   *buffers.Pool
	engine driver.Engine
	caps   driver.Caps
	start  time.Time

	now      int64       // nanoseconds since start, taken once a turn
	busyAt   int64       // loop time of the last turn that brought something
	trimmed  bool        // nothing came since buffers were given back
	looks    tries.Skips // of Config.BusyPoll
	timers   timerHeap
	ready    []*Conn              // something arrived or ended: callbacks are due
	dirty    []*Conn              // something waits to be sent, or reading may go on
	newborns []newborn            // connections without a handler yet
	laters   []later              // callbacks that completions made due
	pipes    pipes                // of relays
	packets  packetLists          // the same of datagram sockets
	current  *Conn                // whose callback runs, for panics
	conns    connList             // all of them
	others   map[stopper]struct{} // what else keeps the loop alive: listeners, dials
	yields   bool                 // a yield is posted
	quit     bool                 // the loop ends when nothing is left
	quitting bool                 // new connections are closed at once
	stats    LoopStats

	asleep    atomic.Bool
	turn      atomic.Int64 // when the callbacks of this turn began, 0 while polling; negative: stalled
	numConns  atomic.Int64
	stalls    atomic.Uint64
	published atomic.Pointer[LoopStats]

	mu      sync.Mutex
	posted  []Task
	ended   bool   // no more tasks are taken
	running []Task // the loop's: what it took from posted

	done chan struct{}
	id   string // "goroutine 12", to find the loop's stack
}

// stopper is something other than a connection that has operations in flight. It
// takes itself out of Loop.others when the last of them ended.
type stopper interface{ stop() }

// Task is a piece of work for a loop, see PostTask.
type Task interface{ Run(l *Loop) }

type taskFunc func()

func (f taskFunc) Run(*Loop) { f() }

// Post runs f on the loop's goroutine, soon and in order of posting. It may be
// called from any goroutine; on the loop itself f runs in its next turn.
// The error is ErrClosed when the loop has ended.
func (l *Loop) Post(f func()) error { return l.PostTask(taskFunc(f)) }

// PostTask is Post without a closure, for who posts often: a Task that is part
// of an object costs no allocation.
func (l *Loop) PostTask(t Task) error {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return ErrClosed
	}
	l.posted = append(l.posted, t)
	l.mu.Unlock()
	l.wake()
	return nil
}

// postAwaited is PostTask for who is in Loop.others: the loop does not end before it
// has run t, also when it takes no more of anybody else.
func (l *Loop) postAwaited(t Task) {
	l.mu.Lock()
	l.posted = append(l.posted, t)
	l.mu.Unlock()
	l.wake()
}

func (l *Loop) wake() {
	if l.asleep.Load() && l.asleep.CompareAndSwap(true, false) {
		l.engine.Wake()
	}
}

// Call runs f on the loop and waits for its end. The error is ErrClosed when the
// loop has ended, and ErrPanic when f panicked. It must not be called on a loop.
func (l *Loop) Call(f func()) error {
	done := make(chan struct{})
	failed := ErrPanic // unless f returns
	err := l.Post(func() {
		defer close(done)
		f()
		failed = nil
	})
	if err != nil {
		return err
	}
	select {
	case <-done:
		return failed
	case <-l.done:
	}
	select {
	case <-done: // both were ready
		return failed
	default:
		return ErrClosed
	}
}

// Index is the loop's number, from 0.
func (l *Loop) Index() int { return l.index }

// Runtime returns the loop's runtime.
func (l *Loop) Runtime() *Runtime { return l.rt }

// Pool returns the loop's buffer pool, which is safe for concurrent use.
func (l *Loop) Pool() *buffers.Pool { return l.pool }

// Now is the loop's time: taken once a turn, so it costs nothing.
func (l *Loop) Now() time.Time { return l.start.Add(time.Duration(l.now)) }

// clock reads the time anew.
func (l *Loop) clock() int64 { return int64(time.Since(l.start)) }

// setup makes pool and engine. It runs on the loop's goroutine and thread.
func (l *Loop) setup(open driver.Open) error {
	cfg := &l.rt.cfg
	pool, err := buffers.NewPool(&buffers.Config{
		Budget:    l.rt.budget,
		HugePages: cfg.HugePages,
		Zero:      cfg.WipeBuffers,
	})
	if err != nil {
		return fmt.Errorf("loop %d: buffers: %w", l.index, err)
	}
	if cfg.WrapEngine != nil {
		open = cfg.WrapEngine(open)
	}
	engine, err := open(&driver.Config{
		Pool:           pool,
		Logger:         l.log,
		Loop:           l.index,
		Entries:        ringEntries,
		RecvBuffers:    cfg.RecvBuffers,
		RecvBufferSize: cfg.RecvBufferSize,
		FileWorkers:    cfg.FileWorkers,
		BatchWait:      cfg.batchWait(),
		Disable:        cfg.Disable,
		RestrictOps:    cfg.RestrictOps,
		FixedFiles:     cfg.RegisterBuffers,
	})
	if err != nil {
		pool.Close()
		return fmt.Errorf("loop %d: %w", l.index, err)
	}
	l.pool, l.engine, l.caps = pool, engine, engine.Caps()
	return nil
}

// main is the loop's goroutine. It tells started how opening went and returns
// when the loop has ended and given everything back.
func (l *Loop) main(open driver.Open, lock bool, started chan<- error) {
	if lock {
		// Never unlocked: the thread, and what the kernel ties to it, ends with
		// the goroutine.
		goruntime.LockOSThread()
	}
	l.id = goroutineID()
	err := l.setup(open)
	started <- err
	if err != nil {
		close(l.done)
		return
	}
	for !l.turnOnce() {
	}
	l.end()
}

// turnOnce runs one turn: tasks, timers, callbacks, sends, then one Poll. It
// reports whether the loop is to end.
func (l *Loop) turnOnce() (end bool) {
	l.now = l.clock()
	l.turn.Store(l.now + 1)
	l.rt.guard.turnBegins()
	callbacks := region(traceCallbacks)
	l.runTasks()
	l.fire()
	l.admit()
	l.runLaters()
	l.deliver()
	l.deliverPackets()
	l.flush()
	l.flushPackets()
	endRegion(callbacks)
	l.stats.Turns++
	if l.turn.Swap(0) < 0 {
		l.stallEnded()
	}
	if l.quit && l.over() {
		return true
	}
	poll := region(tracePoll)
	n, err := l.poll(l.untilTrim(l.wait()))
	endRegion(poll)
	if err != nil {
		l.log.Error("loop ends: its engine failed", "loop", l.index, "err", err)
		l.rt.loopFailed(err)
		l.abandon(err)
		return true
	}
	l.asleep.Store(false)
	if n > 0 {
		l.busyAt, l.trimmed = l.now, false
	} else {
		l.trim()
	}
	return false
}

// over reports whether nothing is left to do. What was posted is done first, but from
// now on nothing more is taken: it could come for ever.
func (l *Loop) over() bool {
	if l.conns.len > 0 || len(l.others)+len(l.newborns)+len(l.laters) > 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	return len(l.posted) == 0
}

// wait finds how long Poll may wait, and marks the loop asleep if it may.
func (l *Loop) wait() time.Duration {
	if len(l.ready)+len(l.dirty)+len(l.newborns)+len(l.laters) > 0 || !l.packets.empty() {
		return 0
	}
	wait := time.Duration(-1)
	if when, ok := l.timers.next(); ok {
		if wait = time.Duration(when - l.clock()); wait <= 0 {
			return 0
		}
	}
	l.asleep.Store(true)
	l.mu.Lock()
	pending := len(l.posted) > 0
	l.mu.Unlock()
	if pending {
		l.asleep.Store(false)
		return 0
	}
	return wait
}

// runTasks runs what was posted before this turn.
func (l *Loop) runTasks() {
	if len(l.running) == 0 {
		l.mu.Lock()
		l.running, l.posted = l.posted, l.running[:0]
		l.mu.Unlock()
	}
	for len(l.running) > 0 && !l.runSome() {
	}
}

// runSome runs tasks until one panics, and reports whether it came to the end.
func (l *Loop) runSome() (all bool) {
	ran := 0
	defer func() {
		rest := copy(l.running, l.running[ran:])
		clear(l.running[rest:])
		l.running = l.running[:rest]
		if all {
			return
		}
		l.contain("task", recover())
	}()
	for _, t := range l.running {
		ran++
		t.Run(l)
	}
	return true
}

// fire runs the timers that are due.
func (l *Loop) fire() {
	for !l.fireSome() {
	}
}

func (l *Loop) fireSome() (all bool) {
	defer func() {
		if !all {
			l.contain("timer", recover())
		}
	}()
	for t := l.timers.expired(l.now); t != nil; t = l.timers.expired(l.now) {
		t.fn()
	}
	return true
}

// end gives back what the loop holds.
func (l *Loop) end() {
	l.mu.Lock()
	l.ended = true
	l.running, l.posted = append(l.running, l.posted...), nil
	l.mu.Unlock()
	for len(l.running) > 0 { // its engine failed, and who posted was told no error
		l.runSome()
	}
	l.publish()
	if err := l.engine.Close(); err != nil {
		l.log.Warn("closing the engine", "loop", l.index, "err", err)
	}
	l.rt.loopEnded(l, l.pool.Close())
	close(l.done)
}
