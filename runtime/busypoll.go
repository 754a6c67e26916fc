package runtime

import (
	goruntime "runtime"
	"time"
)

// maxSkips is how many waits go by without a look at most after looks in vain.
const maxSkips = 63

// busyPoll is how a loop looks for completions before it sleeps, see Config.BusyPoll.
// Each look in vain makes it leave out twice as many waits, until one is not in vain.
type busyPoll struct {
	skips uint8 // waits to leave out
	next  uint8 // after the next look in vain
}

// leaveOut reports whether this wait goes by without a look.
func (b *busyPoll) leaveOut() bool {
	if b.skips == 0 {
		return false
	}
	b.skips--
	return true
}

func (b *busyPoll) found() { b.next = 0 }

func (b *busyPoll) inVain() {
	b.skips = b.next
	b.next = min(2*b.next+1, maxSkips)
}

// poll is the engine's Poll, with a look before the sleep.
func (l *Loop) poll(wait time.Duration) (int, error) {
	limit := l.rt.cfg.BusyPoll
	if limit == 0 || wait == 0 || l.busy.leaveOut() {
		return l.engine.Poll(wait)
	}
	if wait > 0 {
		limit = min(limit, wait)
	}
	began := l.clock()
	spent := time.Duration(0)
	for ; spent < limit; spent = time.Duration(l.clock() - began) {
		n, err := l.engine.Poll(0)
		if n > 0 || err != nil || !l.asleep.Load() { // a task was posted
			l.stats.BusyPolls++
			l.busy.found()
			return n, err
		}
		goruntime.Gosched() // others may be waiting for this thread's processor
	}
	l.busy.inVain()
	if wait > 0 {
		wait = max(0, wait-spent)
	}
	return l.engine.Poll(wait)
}
