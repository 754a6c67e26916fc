package runtime

import (
	"time"

	"github.com/headrace/headrace/runtime/driver"
)

// trimAfter is how long nothing must have come before a loop gives the buffers and pipes
// that it does not use back to the system: a peak does not stay for ever, and a pause
// between two bursts costs no page faults.
const trimAfter = 5 * time.Second

// untilTrim bounds a wait, so that an idle loop comes round once more to trim.
func (l *Loop) untilTrim(wait time.Duration) time.Duration {
	if l.trimmed || wait >= 0 && wait <= trimAfter {
		return wait
	}
	return trimAfter
}

// trim gives buffers back if the loop has been idle for long enough.
func (l *Loop) trim() {
	if l.trimmed || l.clock()-l.busyAt < int64(trimAfter) {
		return
	}
	l.trimmed = true
	if t, ok := l.engine.(driver.Trimmer); ok {
		t.Trim()
	}
	l.pipes.trim()
	l.stats.Trimmed += uint64(l.pool.Trim())
}
