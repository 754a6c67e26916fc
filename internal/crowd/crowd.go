// Package crowd tells a loop that is busy moving much for many sockets to let completions
// gather before it handles them, as a network card does whose interrupts are moderated: to
// sleep and to be woken costs as much for one as for all that came meanwhile.
//
// Loops with small messages alone are left alone: a rate of requests that fills a third of
// a loop's time would be answered four times later, and more requests than that come in
// batches by themselves.
package crowd

import (
	"time"

	"github.com/headrace/headrace/internal/tries"
)

const (
	// window is how long the sockets are counted for.
	window = 10 * time.Millisecond
	// few sockets are not kept waiting: there would soon be no peer left that has
	// something to do. Peers of streams have, with what is in their sockets: fewer will do.
	few, fewStreams = 32, 12
	// piece is how much a stream moves at a time.
	piece = 32 << 10
	// part of the sockets make a batch, so that the other peers are busy meanwhile.
	part = 4
	// most is the largest batch. Larger ones save nothing more, and leave the caches.
	most = 32
	// idle is how many parts of five a loop may sleep for. With more than that to spare,
	// answers that come soon are worth more than processor time.
	idle = 4
	// pays is how many completions have to come while one waits for a batch.
	pays = 2
)

// Crowd counts the sockets that a loop moved something for lately. It is for one goroutine.
type Crowd struct {
	// Patience is how long completions may gather; zero for not at all.
	Patience time.Duration
	// Always is for tests: let completions gather before every wait.
	Always bool

	vain   tries.Skips
	lately int  // sockets in the last window
	enough bool // they were many, and the loop was busy

	// Of this window.
	mark    uint8
	sockets int // that have it
	moves   int
	bytes   int64
	began   time.Time
	slept   time.Duration
}

// Moved says that the loop moved n bytes for a socket. The mark is the socket's, for nobody
// else to use.
func (c *Crowd) Moved(mark *uint8, n int) {
	c.moves++
	c.bytes += int64(n)
	if *mark != c.mark {
		*mark = c.mark
		c.sockets++
	}
}

// May reports whether a wait, negative for ever, could be for a batch. A loop that moves
// nothing need not read the clock for Batch.
func (c *Crowd) May(wait time.Duration) bool {
	return c.Patience > 0 && (wait < 0 || wait > c.Patience) && (c.moves > 0 || c.enough || c.Always)
}

// Batch returns how many completions the loop had better wait for, up to Patience, before
// it waits for the first that comes; zero if it should not. Ask May first.
func (c *Crowd) Batch(now time.Time) int {
	if took := now.Sub(c.began); took >= window {
		c.roll(now, took)
	}
	switch {
	case c.Always:
		return few / part
	case !c.enough || c.vain.LeaveOut():
		return 0
	}
	return min(c.lately/part, most)
}

// roll begins a new window.
func (c *Crowd) roll(now time.Time, took time.Duration) {
	least := few
	if c.bytes >= piece*int64(c.moves) {
		least = fewStreams
	}
	c.lately = int(int64(c.sockets) * int64(window) / int64(took)) // it was a longer one
	c.enough = c.lately >= least && c.slept*(idle+1) <= took*idle
	c.sockets, c.moves, c.bytes, c.slept, c.began = 0, 0, 0, 0, now
	c.mark++
}

// Slept says how long the loop waited, for whatever.
func (c *Crowd) Slept(took time.Duration) { c.slept += took }

// Gathered says how many completions came while the loop waited for a batch.
func (c *Crowd) Gathered(n int) { c.vain.Tell(n >= pays) }
