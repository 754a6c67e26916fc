//go:build linux

package uring

import "github.com/headrace/headrace/runtime/driver"

// Stats implements driver.Engine.
func (e *engine) Stats(s *driver.Stats) {
	now := e.stats
	now.InFlight = e.slots.used
	now.Wakes = e.waker.calls.Load()
	s.Add(&now)
}
