package runtime

import (
	"bytes"
	goruntime "runtime"
	"time"
)

// stallGuard watches for callbacks that hold a loop. It costs the loops two
// stores a turn.
type stallGuard struct {
	quit chan struct{}
	done chan struct{}
}

// guardStalls starts watching rt's loops, unless that is off.
func guardStalls(rt *Runtime) *stallGuard {
	if rt.cfg.StallThreshold < 0 {
		return nil
	}
	g := &stallGuard{quit: make(chan struct{}), done: make(chan struct{})}
	go g.watch(rt)
	return g
}

func (g *stallGuard) stop() {
	if g != nil {
		close(g.quit)
		<-g.done
	}
}

func (g *stallGuard) watch(rt *Runtime) {
	defer close(g.done)
	tick := time.NewTicker(max(rt.cfg.StallThreshold/4, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-g.quit:
			return
		case <-tick.C:
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
