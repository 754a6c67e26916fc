package drivertest

import (
	"log/slog"
	goruntime "runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// Patience is how long a test waits for what must come before it fails.
const Patience = 30 * time.Second

// tb is what testing.T and rapid.T have in common.
type tb interface {
	Helper()
	Cleanup(func())
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	FailNow()
	Skip(args ...any)
}

// harness is one engine with its pool, driven by the test's goroutine.
type harness struct {
	driver.Engine
	t     tb
	suite *suite
	pool  *buffers.Pool
	caps  driver.Caps

	polling bool // inside Poll or Close
	calling bool // inside Complete
	calls   []*call
	closed  bool
}

// available tells whether the engine opens at all.
func (s *suite) available(t *testing.T) error {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	pool, err := buffers.NewPool(nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, pool.Close()) }()
	e, err := s.open(s.config(pool))
	if err != nil {
		return err
	}
	return e.Close()
}

func (s *suite) config(pool *buffers.Pool) *driver.Config {
	cfg := &driver.Config{
		Pool:           pool,
		Logger:         slog.New(slog.DiscardHandler),
		Entries:        128,
		RecvBuffers:    16,
		RecvBufferSize: 16 << 10,
		FileWorkers:    2,
	}
	for _, f := range s.configure {
		f(cfg)
	}
	return cfg
}

// start opens an engine for t and sees to its end.
func (s *suite) start(t *testing.T) *harness {
	t.Helper()
	goruntime.LockOSThread()
	warm(t)
	descriptors, goroutines := descriptors(), goleak.IgnoreCurrent()
	h := s.harness(t, nil, nil)
	t.Cleanup(func() {
		h.end()
		goleak.VerifyNone(t, goroutines)
		sameDescriptors(t, descriptors)
		goruntime.UnlockOSThread()
	})
	return h
}

// harness opens an engine with a pool of its own.
func (s *suite) harness(t tb, pc *buffers.Config, change func(*driver.Config)) *harness {
	t.Helper()
	pool, err := buffers.NewPool(pc)
	require.NoError(t, err)
	cfg := s.config(pool)
	if change != nil {
		change(cfg)
	}
	e, err := s.open(cfg)
	require.NoError(t, err)
	return &harness{Engine: e, t: t, suite: s, pool: pool, caps: e.Caps()}
}

// reopen replaces h by an engine with another pool and configuration.
func (h *harness) reopen(pc *buffers.Config, change func(*driver.Config)) *harness {
	h.t.Helper()
	h.end()
	g := h.suite.harness(h.t, pc, change)
	h.t.Cleanup(g.end)
	return g
}

// another opens a second engine beside h, driven by the same goroutine.
func (h *harness) another() *harness {
	h.t.Helper()
	g := h.suite.harness(h.t, nil, nil)
	h.t.Cleanup(g.end)
	return g
}

// end closes the engine and the pool. All is over then.
func (h *harness) end() {
	if h.closed {
		return
	}
	h.closed = true
	h.polling = true
	err := h.Engine.Close()
	h.polling = false
	if err != nil {
		h.t.Errorf("Engine.Close: %v", err)
	}
	for _, c := range h.calls {
		if c.op.InFlight() {
			h.t.Errorf("%v got no final completion from Engine.Close", c)
		}
		c.drop()
	}
	if err := h.pool.Close(); err != nil {
		h.t.Errorf("chunks are left: %v", err)
	}
}

// poll polls once.
func (h *harness) poll(wait time.Duration) int {
	h.polling = true
	n, err := h.Engine.Poll(wait)
	h.polling = false
	require.NoError(h.t, err, "Poll")
	return n
}

// until polls until done holds. What holds only when Poll's time has run out came
// too late: the engine slept over it.
func (h *harness) until(what string, done func() bool) {
	h.t.Helper()
	deadline := time.Now().Add(Patience)
	for ok := done(); !ok; ok = done() {
		h.poll(max(0, time.Until(deadline)))
		if time.Now().After(deadline) {
			h.t.Fatalf("waited %v for %s; in flight: %v", Patience, what, h.inFlight())
		}
	}
}

// settle polls as long as completions come at once: what has happened by now is
// delivered.
func (h *harness) settle() {
	for i := 0; i < 1000 && h.poll(0) > 0; i++ {
	}
}

func (h *harness) inFlight() (all []string) {
	for _, c := range h.calls {
		if c.op.InFlight() {
			all = append(all, c.String())
		}
	}
	return all
}

// task is a goroutine of a test: a peer that reads or writes.
type task struct {
	name string
	done atomic.Bool
	err  error
}

// spawn runs f beside the loop; join waits for it. F must not use h or require.
func (h *harness) spawn(name string, f func() error) *task {
	k := &task{name: name}
	go func() {
		k.err = f()
		k.done.Store(true)
		h.Engine.Wake()
	}()
	return k
}

func (h *harness) join(tasks ...*task) {
	h.t.Helper()
	for _, k := range tasks {
		h.until(k.name, k.done.Load)
		require.NoError(h.t, k.err, k.name)
	}
}
