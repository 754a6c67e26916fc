//go:build linux

package uring

import "time"

// rawBatch is how many requests make submitting them the larger part of an enter.
const rawBatch = 8

// enterAndWait submits and waits. It does so in several calls, if the first ones are
// enough and cheaper than one that waits.
func (e *engine) enterAndWait(wait time.Duration) error {
	batch := e.batch(wait)
	nap := batch == 0 && (wait < 0 || wait > napMax) && !e.naps.LeaveOut()
	if n := e.ring.SQReady(); n >= rawBatch || n > 0 && (nap || batch > 0 || e.parks()) {
		// The scheduler's monitor takes the processor from a call that has so much to
		// do, and the loop has to get it back. What needs no wait needs no scheduler.
		err := e.entered(e.ring.SubmitAndGetEvents())
		if err != nil || e.ring.CQReady() != 0 {
			return err
		}
	}
	var err error
	var spent time.Duration
	switch {
	case batch > 0:
		spent, err = e.waitForBatch(batch)
	case nap:
		spent, err = e.nap()
	}
	if err != nil || e.ring.CQReady() != 0 {
		return err
	}
	if wait > 0 {
		wait = max(wait-spent, 1)
	}
	return e.waitLong(wait)
}

// batch returns how many completions to wait for together, zero for the first that comes.
func (e *engine) batch(wait time.Duration) int {
	if !e.crowd.May(wait) {
		return 0
	}
	return e.crowd.Batch(time.Now())
}

// waitForBatch waits until n completions have come, but not long. It returns how long.
func (e *engine) waitForBatch(n int) (time.Duration, error) {
	began := time.Now()
	e.waits.Yield(began)
	e.stats.Batches++
	err := e.entered(e.ring.SubmitAndWait(uint32(n), e.crowd.Patience))
	took := time.Since(began)
	e.waits.Tell(took)
	e.crowd.Slept(took)
	e.crowd.Gathered(int(e.ring.CQReady()))
	return took, err
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
	took := time.Since(began)
	e.waits.Tell(took)
	e.crowd.Slept(took)
	return err
}
