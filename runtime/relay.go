package runtime

import (
	"errors"
	"time"

	"github.com/headrace/headrace/buffers"
)

// RelayResult is how a relay ended.
type RelayResult struct {
	AToB, BToA   int64 // bytes received on one side and queued on the other
	ErrA, ErrB   error // why each side ended; nil after an orderly end
	closed, eofs int
}

// Err joins the errors of both sides.
func (r *RelayResult) Err() error { return errors.Join(r.ErrA, r.ErrB) }

// Relay lets bytes flow both ways between two connections of one loop until both
// have ended, then calls done. What one side receives is queued on the other as
// it is, without a copy. A side that does not take its bytes pauses the reading
// of the other; the end of one side's data is passed on as such, and an error or
// reset of one side ends both. The relay becomes the handler of both connections;
// what they have unread is passed on first. Connections on different loops panic.
//
// If idle is positive, the relay ends with ErrIdle when nothing moved in either
// direction for so long.
func Relay(a, b *Conn, idle time.Duration, done func(*RelayResult)) {
	if a.loop != b.loop {
		panic("runtime: Relay between connections of different loops")
	}
	r := &relay{done: done}
	r.sides[0] = relaySide{relay: r, conn: a, peer: &r.sides[1], moved: &r.result.AToB, err: &r.result.ErrA}
	r.sides[1] = relaySide{relay: r, conn: b, peer: &r.sides[0], moved: &r.result.BToA, err: &r.result.ErrB}
	if idle > 0 {
		r.idle = idle
		r.last = a.loop.now
		r.timer = a.loop.AfterFunc(idle, r.checkIdle)
	}
	for i := range r.sides {
		s := &r.sides[i]
		s.conn.handler = s
		s.conn.Resume()
		s.conn.state |= stFresh
		s.conn.markReady()
	}
}

type relay struct {
	sides  [2]relaySide
	result RelayResult
	done   func(*RelayResult)
	idle   time.Duration
	last   int64 // loop time of the last bytes
	timer  *Timer
}

// relaySide is the handler of one connection of a relay.
type relaySide struct {
	relay *relay
	conn  *Conn
	peer  *relaySide
	moved *int64
	err   *error
}

// Data passes on what was received.
func (s *relaySide) Data(c *Conn, in *buffers.Chain) {
	to := s.peer.conn
	if to.Closing() {
		in.Release() // its error ends this side too
		return
	}
	*s.moved += int64(in.Len())
	s.relay.last = c.loop.now
	if to.Send(in.TakeAll()) == nil && to.is(stFull) {
		c.Pause()
	}
}

// Drained lets the other side read again.
func (s *relaySide) Drained(*Conn) { s.peer.conn.Resume() }

// EOF passes on the end of the data, and ends the relay with the second one.
func (s *relaySide) EOF(c *Conn) {
	s.relay.result.eofs++
	if s.relay.result.eofs < len(s.relay.sides) {
		_ = s.peer.conn.CloseWrite() // closed by its own error otherwise
		return
	}
	s.conn.Close()
	s.peer.conn.Close()
}

// Closed ends the other side, and the relay with the second one.
func (s *relaySide) Closed(_ *Conn, err error) {
	r := s.relay
	*s.err = err
	if r.result.closed++; r.result.closed < len(r.sides) {
		s.peer.conn.Close() // it still gets what was received before
		return
	}
	if r.timer != nil {
		r.timer.Stop()
	}
	r.done(&r.result)
}

func (r *relay) checkIdle() {
	a := r.sides[0].conn
	if rest := r.last + int64(r.idle) - a.loop.now; rest > 0 {
		r.timer.Reset(time.Duration(rest))
		return
	}
	for i := range r.sides {
		r.sides[i].conn.abort(ErrIdle)
	}
}

var (
	_ EOFHandler   = (*relaySide)(nil)
	_ DrainHandler = (*relaySide)(nil)
)
