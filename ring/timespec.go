package ring

import "time"

// Timespec is struct __kernel_timespec: 64 bits wide on every architecture, unlike unix.Timespec.
type Timespec struct {
	Sec  int64
	Nsec int64
}

// Set makes t the duration d, or for an absolute timeout the clock's time since its start.
func (t *Timespec) Set(d time.Duration) {
	t.Sec, t.Nsec = int64(d/time.Second), int64(d%time.Second)
}
