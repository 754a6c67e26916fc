//go:build linux

package park

import (
	goruntime "runtime"
	"time"
)

// The scheduler's monitor thread lets a goroutine that waits in a system call keep a
// processor for patience if there is another for whoever needs one, and for 20 µs if not;
// and takes it at once from a goroutine that was not scheduled for so long. After it found
// something to do it looks around every 20 µs, fifty times and more, and else it sleeps.
// On a loop that was a third busy, with waits of some 100 µs, that was a tenth of all
// time; with waits of 10 ms it was up to 200 µs each.
//
// (Go 1.26: sysmon and retake in runtime/proc.go.)
const (
	patience = 10 * time.Millisecond
	// yieldEvery keeps the loop being scheduled, for two thread switches each time.
	yieldEvery = patience / 2
	// parkFrom is the usual wait from which on parking, some 10 µs, is the cheaper way.
	parkFrom = patience / 20
	// memory is how many waits make a usual one.
	memory = 16
)

// Waits tells a loop where to wait. The zero value is ready to use, by one goroutine.
type Waits struct {
	Always  bool // park; for tests
	usual   time.Duration
	yielded time.Time
}

// Park reports that the next wait had better be a parked one.
func (w *Waits) Park() bool { return w.usual >= parkFrom || w.Always }

// Yield lets others run before a wait in a system call, if it is time again.
func (w *Waits) Yield(now time.Time) {
	if now.Sub(w.yielded) <= yieldEvery {
		return
	}
	w.yielded = now
	if goruntime.GOMAXPROCS(0) > 1 { // else the monitor has its 20 µs anyway
		goruntime.Gosched()
	}
}

// Tell says how long a wait took, of either kind. A single long one is forgotten after
// some short ones.
func (w *Waits) Tell(took time.Duration) {
	w.usual += (min(took, patience) - w.usual) / memory
}
