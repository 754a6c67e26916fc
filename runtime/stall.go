package runtime

import (
	"bytes"
	goruntime "runtime"
	"sync/atomic"
	"time"
)

// stallGuard watches for callbacks that hold a loop. It costs the loops two stores
// and a load a turn, and an idle runtime nothing: it rests while no loop has a turn.
type stallGuard struct {
	quit  chan struct{}
	done  chan struct{}
	rests atomic.Bool // the next turn is to wake it
	wake  chan struct{}
}

// start begins watching rt's loops, unless that is off.
func (g *stallGuard) start(rt *Runtime) {
	if rt.cfg.StallThreshold < 0 {
		return
	}
	g.quit, g.done, g.wake = make(chan struct{}), make(chan struct{}), make(chan struct{}, 1)
	go g.watch(rt)
}

func (g *stallGuard) stop() {
	if g.quit != nil {
		close(g.quit)
		<-g.done
	}
}

// turnBegins is called by loops, after they said so in Loop.turn.
func (g *stallGuard) turnBegins() {
	if g.rests.Load() && g.rests.CompareAndSwap(true, false) {
		select {
		case g.wake <- struct{}{}:
		default: // it has not seen the last one
		}
	}
}

// rest waits for a turn. It is false when that is enough.
func (g *stallGuard) rest(rt *Runtime) bool {
	g.rests.Store(true)
	for _, l := range rt.loops {
		if l.turn.Load() > 0 { // it may have begun before we said that we rest
			g.rests.Store(false)
			return true
		}
	}
	select {
	case <-g.quit:
		return false
	case <-g.wake:
		return true
	}
}

func (g *stallGuard) watch(rt *Runtime) {
	defer close(g.done)
	tick := max(rt.cfg.StallThreshold/4, time.Millisecond)
	timer := time.NewTimer(tick)
	defer timer.Stop()
	for g.rest(rt) {
		timer.Reset(tick)
		select {
		case <-g.quit:
			return
		case <-timer.C:
		}
		for i, l := range rt.loops {
			began := l.turn.Load()
			if began <= 0 || l.clock()-began < int64(rt.cfg.StallThreshold) {
				continue
			}
			if !l.turn.CompareAndSwap(began, -began) {
				continue // over just now
			}
			l.stalls.Add(1)
			held, stack := time.Duration(l.clock()-began), stackOf(l.id)
			rt.log.Warn("a callback holds its loop", "loop", i, "for", held, "stack", stack)
			if stalled := rt.cfg.Hooks.Stalled; stalled != nil {
				stalled(i, held, stack)
			}
		}
	}
}

// stallEnded tells of the end of a stall that was told of.
func (l *Loop) stallEnded() {
	held := time.Duration(l.clock() - l.now)
	l.log.Warn("the loop goes on", "loop", l.index, "after", held)
	if ended := l.rt.cfg.Hooks.StallEnded; ended != nil {
		defer func() {
			if v := recover(); v != nil {
				l.contain("hook", v)
			}
		}()
		ended(l.index, held)
	}
}

// stackOf returns the stack of one goroutine, by the name it has in traces.
func stackOf(id string) string {
	buf := make([]byte, 1<<20)
	all := buf[:goruntime.Stack(buf, true)]
	start := bytes.Index(all, []byte(id+" ["))
	if start < 0 {
		return "not found"
	}
	one := all[start:]
	if end := bytes.Index(one, []byte("\n\n")); end >= 0 {
		one = one[:end]
	}
	return string(one)
}
