package runtime

import (
	"math"
	"time"
)

// Timer calls a function on its loop once a time has come. Its methods are for
// the loop's goroutine.
type Timer struct {
	loop *Loop
	fn   func()
	when int64 // loop time
	pos  int   // index in the loop's heap, from 1; 0 when not armed
}

// AfterFunc calls f on the loop after d, unless the timer is stopped before. A
// loop looks at its timers once a turn: f is late by what callbacks take.
func (l *Loop) AfterFunc(d time.Duration, f func()) *Timer {
	l.mustRun("Loop.AfterFunc")
	t := &Timer{loop: l, fn: f}
	t.Reset(d)
	return t
}

// Stop disarms the timer and reports whether it was armed.
func (t *Timer) Stop() bool {
	t.loop.mustRun("Timer.Stop")
	if t.pos == 0 {
		return false
	}
	t.loop.timers.remove(t)
	return true
}

// Reset arms the timer anew, to fire after d from now.
func (t *Timer) Reset(d time.Duration) {
	t.loop.mustRun("Timer.Reset")
	t.at(after(t.loop.clock(), d))
}

// after is the loop time d after now; one that the clock can not hold is the last
// that it can.
func after(now int64, d time.Duration) int64 {
	if when := now + int64(max(d, 0)); when >= now {
		return when
	}
	return math.MaxInt64
}

// at arms the timer for a loop time.
func (t *Timer) at(when int64) {
	if t.pos != 0 {
		t.loop.timers.remove(t)
	}
	t.when = when
	t.loop.timers.push(t)
}

// timerHeap is a four-ary heap: arming is rare and cheap, since connections move
// their deadline lazily, when it fires.
type timerHeap struct{ list []*Timer }

const heapArity = 4

func (h *timerHeap) len() int { return len(h.list) }

// next returns when the first timer is due, and whether there is one.
func (h *timerHeap) next() (int64, bool) {
	if len(h.list) == 0 {
		return 0, false
	}
	return h.list[0].when, true
}

// expired removes and returns the first timer if it is due.
func (h *timerHeap) expired(now int64) *Timer {
	if len(h.list) == 0 || h.list[0].when > now {
		return nil
	}
	t := h.list[0]
	h.remove(t)
	return t
}

func (h *timerHeap) push(t *Timer) {
	h.list = append(h.list, t)
	h.up(len(h.list) - 1)
}

func (h *timerHeap) remove(t *Timer) {
	i, last := t.pos-1, len(h.list)-1
	t.pos = 0
	moved := h.list[last]
	h.list[last] = nil
	h.list = h.list[:last]
	if i == last {
		return
	}
	h.put(i, moved)
	if !h.down(i) {
		h.up(i)
	}
}

func (h *timerHeap) put(i int, t *Timer) {
	h.list[i] = t
	t.pos = i + 1
}

func (h *timerHeap) up(i int) {
	t := h.list[i]
	for i > 0 {
		parent := (i - 1) / heapArity
		if h.list[parent].when <= t.when {
			break
		}
		h.put(i, h.list[parent])
		i = parent
	}
	h.put(i, t)
}

// down moves the timer at i below its children and reports whether it moved.
func (h *timerHeap) down(i int) bool {
	t, start := h.list[i], i
	for {
		first := i*heapArity + 1
		if first >= len(h.list) {
			break
		}
		least := first
		for c := first + 1; c < min(first+heapArity, len(h.list)); c++ {
			if h.list[c].when < h.list[least].when {
				least = c
			}
		}
		if t.when <= h.list[least].when {
			break
		}
		h.put(i, h.list[least])
		i = least
	}
	h.put(i, t)
	return i != start
}
