//go:build linux

package uring

import "time"

// A nap is a wait of which Go's scheduler does not hear. It would have its monitor
// thread look at the loop every 20 µs, take the processor from it, and give it back:
// a fifth of the CPU time of 64-byte echoes on eight connections, where each wait is a
// few microseconds. For as long as a nap lasts no other goroutine gets this processor;
// a collection that begins ends it, by the signal that stops the world.
const (
	// napMax bounds a nap.
	napMax = 50 * time.Microsecond
	// napWorth is the longest that pays. After a longer one the processor slept and
	// somebody else could have had it, and there was a timer to set and to clear.
	napWorth = 16 * time.Microsecond
)

// nap waits a moment for a completion. It returns how long.
func (e *engine) nap() (time.Duration, error) {
	began := time.Now()
	err := e.entered(e.ring.SubmitAndWaitRaw(1, napMax))
	took := time.Since(began)
	e.naps.Tell(took < napWorth)
	e.crowd.Slept(took)
	return took, err
}
