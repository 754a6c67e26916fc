package stdnet

import (
	"sync"
	"sync/atomic"
	"time"
)

// How a loop becomes hot and cold. A turn of a hot loop costs two thread
// switches, whatever it carries, and saves about two system calls for each
// connection that it serves: it pays with many connections per turn. How many
// there will be is told by how many were active within a short while.
const (
	heatWindow = 2 * time.Millisecond
	hotConns   = 16 // active in a window
	hotWindows = 2  // so many in a row make hot
	coldConns  = 8
	coldTime   = 100 * time.Millisecond // of fewer make cold
	longPause  = int64(4 * heatWindow)
)

// heat tells whether a loop is worth its thread switches. Its methods may be
// called from any goroutine.
type heat struct {
	hot    atomic.Bool
	window atomic.Uint32 // the current window's number
	ends   atomic.Int64  // and when it ends
	active atomic.Int32  // connections active in it
	lately atomic.Int32  // and in the one before

	rolling sync.Mutex // held to end a window; guards the rest
	above   int        // windows in a row
	below   int64      // since when there have been too few; 0 when there are enough
}

// note says that a connection received something. seen is the connection's.
func (h *heat) note(seen *uint8) {
	now := clock()
	if now >= h.ends.Load() && h.rolling.TryLock() {
		if end := h.ends.Load(); now >= end {
			h.ends.Store(now + int64(heatWindow))
			h.roll(end, now)
		}
		h.rolling.Unlock()
	}
	if w := uint8(h.window.Load()); *seen != w {
		*seen = w
		h.active.Add(1)
	}
}

// roll ends the window that should have ended at end, with rolling held.
func (h *heat) roll(end, now int64) {
	n := int64(h.active.Swap(0))
	h.window.Add(1)
	if late := now - end; late > int64(heatWindow) {
		n = n * int64(heatWindow) / late // it was a longer window
	}
	h.lately.Store(int32(n))
	if n >= hotConns {
		h.above++
	} else {
		h.above = 0
	}
	switch {
	case n >= coldConns:
		h.below = 0
	case h.below == 0:
		// A single pause, however long, does not make cold: a burst may follow.
		h.below = max(end, now-longPause)
	}
	switch hot := h.hot.Load(); {
	case !hot && h.above >= hotWindows:
		h.hot.Store(true)
	case hot && h.below != 0 && now-h.below >= int64(coldTime):
		h.hot.Store(false)
	}
}

// start is where this package's clock counts from.
var start = time.Now()

// clock is the time in nanoseconds since start.
func clock() int64 { return int64(time.Since(start)) }
