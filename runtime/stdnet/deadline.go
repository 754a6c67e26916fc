package stdnet

import (
	"math"
	"sync/atomic"
	"time"
)

// deadline is until when calls of one direction may wait. The timer moves lazily:
// it is armed when a call begins to wait, and when it fires too early, the call
// that it wakes arms it anew. Programs set deadlines for each request, and hardly
// one of them is ever reached.
//
// It is guarded by the lock of its ring.
type deadline struct {
	at    instant
	armed instant // what the timer is armed for, 0 if it is not
	timer *time.Timer
}

// instant is a point of time by clock: 0 for none, past for one that is over.
type instant int64

const past instant = -1

// longGone is before any deadline that is meant as a time: programs that want calls
// to end now often say 1970.
const longGone = 1e9

func instantOf(t time.Time) instant {
	if t.IsZero() {
		return 0
	}
	if t.Unix() < longGone {
		return past
	}
	left := time.Until(t)
	if left <= 0 {
		return past
	}
	if at := clock() + int64(left); at > 0 {
		return instant(at)
	}
	return math.MaxInt64 // in centuries
}

// limit is an instant that is also read without its lock.
type limit struct{ atomic.Int64 }

func (l *limit) set(at instant) { l.Store(int64(at)) }
func (l *limit) get() instant   { return instant(l.Load()) }
func (l *limit) none() bool     { return l.Load() == 0 }

// over reports whether the time has come.
func (i instant) over() bool { return i != 0 && (i < 0 || clock() >= int64(i)) }

// time is the inverse of instantOf.
func (i instant) time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return start.Add(time.Duration(i))
}

// set sets the deadline and reports whether somebody who waits must look again.
func (d *deadline) set(at instant) (look bool) {
	d.at = at
	return at < 0 || at > 0 && (d.armed == 0 || at < d.armed)
}

// over reports whether the deadline has passed.
func (d *deadline) over() bool { return d.at.over() }

// unarmed reports whether waiting for the deadline takes an arm.
func (d *deadline) unarmed() bool { return d.at > 0 && (d.armed == 0 || d.armed > d.at) }

// arm has fire called when the deadline passes.
func (d *deadline) arm(fire func()) {
	d.armed = d.at
	left := time.Duration(int64(d.at) - clock())
	if d.timer == nil {
		d.timer = time.AfterFunc(left, fire)
		return
	}
	d.timer.Reset(left)
}

// stop ends the timer for good.
func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}
