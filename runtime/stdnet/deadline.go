package stdnet

import "time"

// deadline is until when calls of one direction may wait. The timer moves lazily:
// it is armed when a call begins to wait, and when it fires too early, the call
// that it wakes arms it anew. Programs set deadlines for each request, and hardly
// one of them is ever reached.
//
// It is guarded by the lock of its ring.
type deadline struct {
	at    int64 // by clock; 0 for none, past for one that is over
	armed int64 // what the timer is armed for, 0 if it is not
	timer *time.Timer
}

const past = -1

// set sets the deadline and reports whether somebody who waits must look again.
func (d *deadline) set(t time.Time) (look bool) {
	if t.IsZero() {
		d.at = 0
		return false
	}
	left := time.Until(t)
	if left <= 0 {
		d.at = past
		return true
	}
	d.at = clock() + int64(left)
	return d.armed == 0 || d.at < d.armed
}

// over reports whether the deadline has passed.
func (d *deadline) over() bool { return d.at != 0 && (d.at < 0 || clock() >= d.at) }

// unarmed reports whether waiting for the deadline takes an arm.
func (d *deadline) unarmed() bool { return d.at > 0 && (d.armed == 0 || d.armed > d.at) }

// arm has fire called when the deadline passes.
func (d *deadline) arm(fire func()) {
	d.armed = d.at
	left := time.Duration(d.at - clock())
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
