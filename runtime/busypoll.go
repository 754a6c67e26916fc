package runtime

import (
	goruntime "runtime"
	"time"
)

// poll is the engine's Poll, with a look for completions before the sleep, see
// Config.BusyPoll.
func (l *Loop) poll(wait time.Duration) (int, error) {
	limit := l.rt.cfg.BusyPoll
	if limit == 0 || wait == 0 || l.looks.LeaveOut() {
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
			l.looks.Tell(true)
			return n, err
		}
		goruntime.Gosched() // others may be waiting for this thread's processor
	}
	l.looks.Tell(false)
	if wait > 0 {
		wait = max(0, wait-spent)
	}
	return l.engine.Poll(wait)
}
