package fiber

import (
	"time"

	"github.com/headrace/headrace/runtime"
)

// Relay lets bytes flow both ways between two connections of the fiber until both
// have ended, as runtime.Relay does, and suspends the fiber meanwhile. Both are
// closed when it returns, one reset for an error of the other; the error joins those
// of both sides.
func Relay(a, b *Conn) error { return RelayIdle(a, b, 0).Err() }

// RelayIdle is Relay with a limit on how long nothing may move, and the counts.
func RelayIdle(a, b *Conn, idle time.Duration) *runtime.RelayResult {
	var done bool
	var result *runtime.RelayResult
	runtime.Relay(a.rc, b.rc, idle, func(r *runtime.RelayResult) {
		result = r
		a.closed, b.closed = true, true
		a.err, b.err = r.ErrA, r.ErrB
		a.fb.called(&done)
	})
	a.fb.await(&done)
	return result
}
