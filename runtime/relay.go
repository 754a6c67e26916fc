package runtime

import (
	"errors"
	"time"

	"github.com/headrace/headrace/buffers"
)

// RelayResult is how a relay ended.
type RelayResult struct {
	AToB, BToA int64 // bytes received on one side and queued on the other
	ErrA, ErrB error // why each side ended by itself; nil if it did in order, or was reset for the other
}

// Err joins the errors of both sides.
func (r *RelayResult) Err() error { return errors.Join(r.ErrA, r.ErrB) }

// Relay lets bytes flow both ways between two connections of one loop until both
// have ended, then calls done on the loop. What one side receives is queued on the
// other as it is, without a copy; large transfers stay inside the kernel where the
// engine can do that (see Sizes.Splice). A side that does not take its bytes pauses the
// reading of the other, at Config.UnsentHigh, and nothing else.
//
// The end of one side's data is passed on as such, and the other direction goes on.
// An error or reset of one side ends both: the other still gets what was received
// before, and then a reset, so that a cut stream never looks whole. The reset waits
// until the peer's system has those bytes, as long as it takes some within
// Config.LingerTimeout. Unix sockets know no reset: theirs is a plain end. The result
// tells who failed.
//
// The relay becomes the handler of both connections; what they have unread is passed
// on first, and one that has ended already counts as failed. A Shutdown of
// the runtime waits for it to end. Connections on different loops panic, as do those
// that are receiving in full or to a file.
//
// If idle is positive, the relay ends with ErrIdle on both sides when nothing moved
// in either direction for so long.
func Relay(a, b *Conn, idle time.Duration, done func(*RelayResult)) {
	if a.loop != b.loop {
		panic("runtime: Relay between connections of different loops")
	}
	a.mustNotReceive("Relay")
	b.mustNotReceive("Relay")
	r := &relay{done: done}
	r.sides[0] = relaySide{relay: r, conn: a, peer: &r.sides[1], moved: &r.result.AToB, err: &r.result.ErrA}
	r.sides[1] = relaySide{relay: r, conn: b, peer: &r.sides[0], moved: &r.result.BToA, err: &r.result.ErrB}
	if idle > 0 {
		r.idle, r.start = idle, a.loop.now
		r.timer = a.loop.AfterFunc(idle, r.checkIdle)
	}
	for i := range r.sides {
		r.sides[i].begin()
	}
}

type relay struct {
	closed, eofs int // sides that ended, that sent all
	sides        [2]relaySide
	result       RelayResult
	done         func(*RelayResult)
	idle         time.Duration
	start        int64 // loop time
	timer        *Timer
}

// relaySide is the handler of one connection of a relay.
type relaySide struct {
	relay *relay
	conn  *Conn
	peer  *relaySide
	moved *int64
	err   *error
	burst int // bytes received lately, many at a time

	// of a side that is to be reset for the other
	look    *Timer
	pause   time.Duration
	untaken int
}

// begin takes the connection over, with all that happened before.
func (s *relaySide) begin() {
	c := s.conn
	c.handler = s
	if c.is(stCloseCalled) { // to the former handler
		c.loop.later(nil, func() { s.Closed(c, c.endError()) })
		return
	}
	c.Resume()
	c.state = c.state&^stEOFTold | stRelayed | stFresh
	c.markReady()
	c.markDirty()
}

// Data passes on what was received.
func (s *relaySide) Data(c *Conn, in *buffers.Chain) {
	to, n := s.peer.conn, in.Len()
	if to.Send(in.TakeAll()) != nil {
		return // its end ends this side too
	}
	*s.moved += int64(n)
	if to.is(stFull) {
		c.loop.stats.Paused++
		c.Pause()
	}
	s.considerSplice(n)
}

// salvage passes on what a paused connection received before it failed.
func (s *relaySide) salvage() { s.Data(s.conn, &s.conn.in) }

// Drained lets the other side read again.
func (s *relaySide) Drained(*Conn) { s.peer.conn.Resume() }

// EOF passes on the end of the data, and ends the relay with the second one.
func (s *relaySide) EOF(*Conn) {
	if s.relay.eofs++; s.relay.eofs < len(s.relay.sides) {
		_ = s.peer.conn.CloseWrite() // closed by its own error otherwise
		return
	}
	s.conn.Close()
	s.peer.conn.Close()
}

// Shutdown lets the relay go on: only its peers know when they are done.
func (s *relaySide) Shutdown(*Conn) {}

// Closed ends the other side, and the relay with the second one.
func (s *relaySide) Closed(_ *Conn, err error) {
	r := s.relay
	*s.err = err
	if s.look != nil {
		s.look.Stop()
	}
	if r.closed++; r.closed < len(r.sides) {
		if err != nil && r.eofs < len(r.sides) {
			s.peer.cut()
		} else {
			s.peer.conn.Close() // all has come, or the program ended it
		}
		return
	}
	if r.timer != nil {
		r.timer.Stop()
	}
	for i := range r.sides {
		r.sides[i].conn.endSplice()
	}
	r.done(&r.result)
}

// cut resets a side whose other has failed, behind what was received before.
func (s *relaySide) cut() {
	c := s.conn
	if c.is(stClosing | stEnding) {
		return
	}
	c.Pause() // nobody is left to pass it on to
	c.armLinger()
	c.AfterSent(func(err error) {
		if err == nil {
			s.resetWhenTaken()
		}
	})
}

// A reset takes back what the system has not delivered, and the system tells of no
// acknowledgement: it is asked, less and less often.
const firstLook, longestLook = time.Millisecond, 64 * time.Millisecond

func (s *relaySide) resetWhenTaken() {
	c := s.conn
	if c.is(stEnding) {
		return
	}
	n, err := c.untaken()
	if n == 0 || err != nil {
		c.abort(err)
		return
	}
	if n != s.untaken {
		s.untaken, s.pause = n, 0
		c.lastWrite = c.loop.now // it takes some: LingerTimeout starts anew
	}
	s.pause = min(max(2*s.pause, firstLook), longestLook)
	if s.look == nil {
		s.look = c.loop.AfterFunc(s.pause, s.resetWhenTaken)
	} else {
		s.look.Reset(s.pause)
	}
}

// checkIdle runs when the timer fires. Bytes that a slow side takes from its queue
// count as those that come.
func (r *relay) checkIdle() {
	a, b := r.sides[0].conn, r.sides[1].conn
	a.look()
	b.look()
	last := max(r.start, a.lastRead, a.lastWrite, b.lastRead, b.lastWrite)
	if rest := time.Duration(last + int64(r.idle) - a.loop.now); rest > 0 {
		if a.is(stSending) || b.is(stSending) {
			rest = min(rest, max(r.idle/looks, time.Millisecond))
		}
		r.timer.Reset(rest)
		return
	}
	a.abort(ErrIdle)
	b.abort(ErrIdle)
}

var (
	_ EOFHandler      = (*relaySide)(nil)
	_ DrainHandler    = (*relaySide)(nil)
	_ ShutdownHandler = (*relaySide)(nil)
)
