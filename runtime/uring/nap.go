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

// nap waits a moment for a completion.
func (e *engine) nap() error {
	began := time.Now()
	err := e.entered(e.ring.SubmitAndWaitRaw(1, napMax))
	e.naps.Tell(time.Since(began) < napWorth)
	return err
}

// enterAndWait submits and waits. It does so in several calls, if the first ones are
// enough and cheaper than one that waits.
func (e *engine) enterAndWait(wait time.Duration) error {
	nap := (wait < 0 || wait > napMax) && !e.naps.LeaveOut()
	if n := e.ring.SQReady(); n >= rawBatch || nap && n > 0 {
		// The scheduler's monitor takes the processor from a call that has so much to
		// do, and the loop has to get it back. What needs no wait needs no scheduler.
		err := e.entered(e.ring.SubmitAndGetEvents())
		if err != nil || e.ring.CQReady() != 0 {
			return err
		}
	}
	if nap {
		err := e.nap()
		if err != nil || e.ring.CQReady() != 0 {
			return err
		}
		if wait > 0 {
			wait -= napMax
		}
	}
	return e.entered(e.ring.SubmitAndWait(1, wait))
}

// rawBatch is how many requests make submitting them the larger part of an enter.
const rawBatch = 8
