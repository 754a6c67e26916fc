package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/ring/probe"
	"github.com/headrace/headrace/runtime/driver"
)

// Runtime is a set of loops. Its methods may be called from any goroutine but a
// loop's, unless they say otherwise.
type Runtime struct {
	cfg      Config
	sizes    [hintCount]Sizes // of the hints
	log      *slog.Logger
	backend  Backend
	decision probe.Decision
	caps     driver.Caps
	budget   *buffers.Budget
	loops    []*Loop
	started  time.Time
	conns    atomic.Int64
	waiting  waitingRoom
	guard    stallGuard

	mu        sync.Mutex
	locals    map[any]any // of packages on top, see Local
	listeners map[listening]struct{}
	closing   bool
	failures  []error
	closeOnce sync.Once
	closeErr  error
}

// New starts a runtime. A nil configuration is the zero one: one loop per core
// on the best engine that this system allows, see [Runtime.Decision].
func New(cfg *Config) (*Runtime, error) {
	c := cfg.Clone()
	if err := c.validate(); err != nil {
		return nil, err
	}
	if err := c.override(); err != nil {
		return nil, err
	}
	c.populate()
	if err := c.checkMemory(); err != nil {
		return nil, err
	}
	asked := c.Disable
	backend, decision, err := decide(context.Background(), c)
	if err != nil {
		return nil, err
	}
	rt, err := start(c, backend, decision)
	for err != nil && c.Backend == Auto && backend < Portable {
		// The probe was more hopeful than the engine: take the next one.
		c.Disable = asked
		backend = next(backend, &decision, err)
		rt, err = start(c, backend, decision)
	}
	if err != nil {
		return nil, &BackendError{Backend: backend, Decision: decision, Err: err}
	}
	rt.log.Info("headrace runtime started", "backend", backend.String(), "loops", len(rt.loops),
		"decision", decision.String(), "features_off", strings.Join(c.Disable, ","))
	return rt, nil
}

// start opens the loops on one engine, all or none.
func start(cfg *Config, backend Backend, decision probe.Decision) (*Runtime, error) {
	rt := &Runtime{
		cfg: *cfg, log: cfg.Logger, backend: backend, decision: decision,
		budget: buffers.NewBudget(cfg.MaxMemory), started: time.Now(),
		listeners: make(map[listening]struct{}), sizes: cfg.Sizes.rows(),
	}
	results := make(chan error, cfg.Loops)
	for i := range cfg.Loops {
		l := &Loop{
			rt: rt, index: i, log: rt.log, start: rt.started,
			others: make(map[stopper]struct{}), done: make(chan struct{}),
		}
		l.pipes.loop = l
		l.published.Store(&LoopStats{Loop: i})
		rt.loops = append(rt.loops, l)
		go l.main(openers[backend], backend == IOUring, results)
	}
	var first error
	failed := 0
	for range rt.loops {
		if err := <-results; err != nil {
			if failed++; first == nil {
				first = err
			}
		}
	}
	if failed > 0 {
		for _, l := range rt.loops {
			_ = l.Post(func() { l.quit = true })
			<-l.done
		}
		if failed > 1 { // of one cause, as a rule: one line
			first = fmt.Errorf("%w (and %d more loops)", first, failed-1)
		}
		return nil, first
	}
	rt.caps = rt.loops[0].caps
	rt.guard.start(rt)
	return rt, nil
}

// Backend returns the engine in use.
func (rt *Runtime) Backend() Backend { return rt.backend }

// Decision tells which engine was chosen and why, and what was rejected.
func (rt *Runtime) Decision() probe.Decision { return rt.decision }

// Caps returns what the engine can do.
func (rt *Runtime) Caps() driver.Caps { return rt.caps }

// Loops returns the loops.
func (rt *Runtime) Loops() []*Loop { return append([]*Loop(nil), rt.loops...) }

// Logger returns the logger in use, never nil.
func (rt *Runtime) Logger() *slog.Logger { return rt.log }

// Sizes returns the size policy in force.
func (rt *Runtime) Sizes() Sizes { return rt.cfg.Sizes }

// Config returns the configuration in force, defaults filled in.
func (rt *Runtime) Config() Config { return *rt.cfg.Clone() }

// Shutdown ends the runtime in order: its listeners close, connections finish what
// they have queued (see [ShutdownHandler]), then the loops end. When ctx is done
// first, the rest is cut off as by Close and ctx's error returned.
func (rt *Runtime) Shutdown(ctx context.Context) error {
	for _, ln := range rt.takeListeners() {
		ln.Close()
	}
	for _, l := range rt.loops {
		_ = l.Post(l.shutdownConns)
	}
	err := rt.waitIdle(ctx)
	return errors.Join(err, rt.Close())
}

// waitIdle waits until no connection is left.
func (rt *Runtime) waitIdle(ctx context.Context) error {
	const first, last = time.Millisecond, 50 * time.Millisecond
	for pause := first; rt.conns.Load() > 0; pause = min(pause*2, last) {
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
	return nil
}

// shutdownConns asks every connection to come to an end.
func (l *Loop) shutdownConns() {
	l.quitting = true
	for c, next := l.conns.first, (*Conn)(nil); c != nil; c = next {
		next = c.next
		c.shutdown()
	}
	for s := range l.others {
		if c, ok := s.(*PacketConn); ok {
			c.Close()
		}
	}
}

func (c *Conn) shutdown() {
	if c.is(stShutdown | stClosing | stEnding) {
		return
	}
	c.state |= stShutdown
	if h, ok := c.handler.(ShutdownHandler); ok {
		c.loop.later(c, func() { h.Shutdown(c) })
		return
	}
	c.Close()
}

// Close ends the runtime at once: connections are cut off, what the kernel holds
// is waited for, and everything is given back. Its error tells of leaked chunks
// and failed loops. Further calls return the same.
func (rt *Runtime) Close() error {
	rt.closeOnce.Do(func() {
		rt.mu.Lock()
		rt.closing = true
		rt.mu.Unlock()
		listeners := rt.takeListeners()
		for _, ln := range listeners {
			ln.CloseSoon()
		}
		for _, l := range rt.loops {
			_ = l.Post(l.cutOff)
		}
		for _, l := range rt.loops {
			<-l.done
		}
		rt.guard.stop()
		rt.closeErr = errors.Join(rt.failures...)
	})
	return rt.closeErr
}

// cutOff aborts everything on the loop and lets it end.
func (l *Loop) cutOff() {
	l.quit, l.quitting = true, true
	for c := l.conns.first; c != nil; c = c.next {
		c.abort(ErrClosed)
	}
	for s := range l.others {
		s.stop()
	}
}

// loopFailed notes that a loop's engine broke.
func (rt *Runtime) loopFailed(err error) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.failures = append(rt.failures, err)
}

// loopEnded notes what closing a loop's pool said.
func (rt *Runtime) loopEnded(l *Loop, err error) {
	if err == nil {
		return
	}
	rt.log.Error("buffers were leaked", "loop", l.index, "err", err)
	rt.loopFailed(err)
}

// listening is a Listener or a PacketListener.
type listening interface {
	Close() error
	CloseSoon()
}

func (rt *Runtime) addListener(ln listening) error {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.closing {
		return ErrClosed
	}
	rt.listeners[ln] = struct{}{}
	return nil
}

func (rt *Runtime) removeListener(ln listening) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	delete(rt.listeners, ln)
}

func (rt *Runtime) takeListeners() []listening {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	var all []listening
	for ln := range rt.listeners {
		all = append(all, ln)
	}
	return all
}

// leastLoaded returns the loop with the fewest connections; own where equal.
func (rt *Runtime) leastLoaded(own *Loop) *Loop {
	best, least := own, own.numConns.Load()
	for _, l := range rt.loops {
		if n := l.numConns.Load(); n < least {
			best, least = l, n
		}
	}
	return best
}

// tune sets the socket options that every TCP connection gets.
func (rt *Runtime) tune(e driver.Engine, s driver.Socket) {
	set := func(opt driver.Option, v int) { _ = e.SetOption(s, opt, v) } // best effort, as package net
	set(driver.NoDelay, 1)
	keepAlive(rt.cfg.KeepAlive, set)
}

// Net's defaults for keep-alive.
const (
	keepAliveIdle  = 15 * time.Second
	keepAliveCount = 9
)

func keepAlive(cfg net.KeepAliveConfig, set func(driver.Option, int)) {
	if cfg.Idle < 0 && cfg.Interval < 0 && cfg.Count < 0 {
		return
	}
	seconds := func(d time.Duration) int { return int((cmp.Or(d, keepAliveIdle) + time.Second - 1) / time.Second) }
	set(driver.KeepAlive, 1)
	if cfg.Idle >= 0 {
		set(driver.KeepAliveIdle, seconds(cfg.Idle))
	}
	if cfg.Interval >= 0 {
		set(driver.KeepAliveInterval, seconds(cfg.Interval))
	}
	if cfg.Count >= 0 {
		set(driver.KeepAliveCount, cmp.Or(cfg.Count, keepAliveCount))
	}
}
