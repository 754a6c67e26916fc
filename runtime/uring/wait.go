//go:build linux

package uring

import "time"

// rawBatch is how many requests make submitting them the larger part of an enter.
const rawBatch = 8

// enterAndWait submits and waits. It does so in several calls, if the first ones are
// enough and cheaper than one that waits.
func (e *engine) enterAndWait(wait time.Duration) error {
	nap := (wait < 0 || wait > napMax) && !e.naps.LeaveOut()
	if n := e.ring.SQReady(); n >= rawBatch || n > 0 && (nap || e.parks()) {
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
	return e.waitLong(wait)
}

// waitLong submits and waits: in the ring while completions come quickly one after the
// other, and parked while they do not.
func (e *engine) waitLong(wait time.Duration) (err error) {
	began := time.Now()
	if e.parks() {
		err = e.park(wait)
	} else {
		e.waits.Yield(began)
		err = e.entered(e.ring.SubmitAndWait(1, wait))
	}
	e.waits.Tell(time.Since(began))
	return err
}
