package app

import (
	"os"
	goruntime "runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
)

// TestStallWatch: a callback that holds its loop is told, with its stack, and what it
// did is charged to it.
func TestStallWatch(t *testing.T) {
	const hold = 60 * time.Millisecond
	w := &stallWatch{}
	cfg := &runtime.Config{Loops: 1, StallThreshold: hold / 3}
	w.hook(&cfg.Hooks)
	rt, err := runtime.New(cfg)
	require.NoError(t, err)
	defer rt.Close()
	require.NoError(t, w.watch(rt))
	require.NoError(t, rt.Loops()[0].Call(func() { holdFor(hold) }))
	for end := time.Now().Add(time.Minute); len(w.list().([]Stall)) == 0; time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(end), "nothing is told")
	}
	s := w.list().([]Stall)[0]
	require.GreaterOrEqual(t, s.Held, hold)
	require.LessOrEqual(t, s.Callbacks(), s.Held)
	require.Contains(t, s.Stack, "holdFor")
}

// TestStallWatchBeforeFibers: a fiber that is made when watch has returned can be resumed
// at any time, on loops that have no thread of their own before, too.
func TestStallWatchBeforeFibers(t *testing.T) {
	for _, b := range []runtime.Backend{runtime.Epoll, runtime.Portable} {
		rt, err := runtime.New(&runtime.Config{Backend: b, Loops: 2})
		require.NoError(t, err)
		defer rt.Close()
		require.NoError(t, new(stallWatch).watch(rt))
		for _, l := range rt.Loops() {
			done := make(chan struct{})
			require.NoError(t, fiber.Go(l, func(t *fiber.Task) {
				t.Sleep(time.Millisecond)
				close(done)
			}))
			<-done
		}
	}
}

//go:noinline
func holdFor(d time.Duration) { time.Sleep(d) }

// TestThreadWaited: a thread that shares its only CPU with another one waits for it, and
// the account tells.
func TestThreadWaited(t *testing.T) {
	if text, err := os.ReadFile("/proc/thread-self/schedstat"); err != nil || len(text) == 0 {
		t.Skip("the kernel keeps no such account")
	}
	threads := 4 * goruntime.NumCPU() // some wait at any time
	defer goruntime.GOMAXPROCS(goruntime.GOMAXPROCS(threads))
	a := &account{}
	var stop atomic.Bool
	defer stop.Store(true)
	ready := make(chan int)
	for range threads {
		go func() {
			ready <- ownThread()
			for !stop.Load() {
			}
		}()
	}
	for range threads {
		a.thread = <-ready
	}
	began := time.Now()
	a.note(began)
	for end := began.Add(time.Minute); ; time.Sleep(time.Millisecond) {
		now := time.Now()
		a.note(now)
		if a.waited(began, now) > 0 {
			return
		}
		require.True(t, now.Before(end), "it never waits")
	}
}

// TestAccount: a stall is charged from the note before it, and never more than it took.
func TestAccount(t *testing.T) {
	at := func(ms int) time.Time { return time.Unix(0, 0).Add(time.Duration(ms) * time.Millisecond) }
	a := &account{}
	require.Zero(t, a.waited(at(0), at(100)), "nothing is known")
	for i, waited := range []time.Duration{0, 1, 1, 31, 31} {
		a.notes[i] = note{at(10 * i), waited * time.Millisecond}
		a.n++
	}
	require.Equal(t, 30*time.Millisecond, a.waited(at(12), at(60)))
	require.Equal(t, 31*time.Millisecond, a.waited(at(5), at(60)))
	require.Equal(t, 5*time.Millisecond, a.waited(at(12), at(17)))
	require.Zero(t, a.waited(at(35), at(40)))
}

func TestStopped(t *testing.T) {
	before := time.Now()
	goruntime.GC()
	after := time.Now()
	require.Positive(t, stopped(before, after))
	require.LessOrEqual(t, stopped(before, after), after.Sub(before))
	require.Zero(t, stopped(after, after.Add(time.Second)))
}
