package stdnet

import "time"

// A connection that carries much is better off in the netpoller: what it writes on a
// loop is copied into a queue, what it receives once more out of the loop's buffers, and
// the system calls that a loop saves cost little beside that. docs/stdnet-design.md has
// the figures.
const (
	bulkRead  = 2 << 10  // a Read that got so much would have been cheaper there
	bulkWrite = 12 << 10 // and a Write
	bulkMost  = 32       // the score at which a connection leaves its loop
	bulkRest  = 10 * time.Second
)

// bulk tells by its last calls whether a connection carries much. It is guarded by the
// ring's lock.
type bulk struct{ score uint8 }

// read says how much a Read got.
func (b *bulk) read(n int) {
	switch {
	case n >= bulkRead:
		b.add(1)
	case b.score > 0:
		b.score--
	}
}

// wrote says how much a Write took. It weighs more than a small Read: a server's
// requests may be small and its answers large.
func (b *bulk) wrote(n int) {
	if n >= bulkWrite {
		b.add(2)
	}
}

func (b *bulk) add(n uint8) { b.score = min(b.score+n, bulkMost) }

// much reports whether the connection had better leave its loop.
func (b *bulk) much() bool { return b.score == bulkMost }

// rests reports whether a connection left its loop with much to carry, not long ago. It
// is called with reading held.
func (c *conn) rests() bool {
	if c.moves == nil || c.moves.rest == 0 {
		return false
	}
	if clock() < c.moves.rest {
		return true
	}
	c.moves.rest = 0
	return false
}
