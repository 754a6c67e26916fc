//go:build linux

package probe

import (
	"context"
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
)

const (
	// patience is how long one completion may take. It is a watchdog: every round
	// trip is arranged so that the completion can come at once.
	patience = 200 * time.Millisecond

	arenaSize = 16 << 10
)

var errNoCompletion = errors.New("no completion in time")

// trial runs round trips on one ring. It counts what is in flight, because the
// memory that it lends to the kernel may only go when nothing is.
type trial struct {
	ctx      context.Context
	r        *ring.Ring
	room     *room
	arena    []byte // mapped, page-aligned; cut with take
	used     int
	lastID   uint64
	inFlight int
	inbox    []ring.CQE // reaped, not yet awaited
	batch    [16]ring.CQE
}

func newTrial(ctx context.Context, r *ring.Ring) (*trial, error) {
	arena, err := unix.Mmap(-1, 0, arenaSize, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, err
	}
	return &trial{ctx: ctx, r: r, room: &room{ctx: ctx}, arena: arena}, nil
}

// close ends what is still in flight and gives everything back. Should the kernel
// keep a request in spite of the cancel, the arena stays mapped: better 16 KiB lost
// than written to by a stranger.
func (t *trial) close() {
	if t.inFlight > 0 {
		id, err := t.start(func(s *ring.SQE) { s.PrepCancel(0, ring.CancelAny|ring.CancelAll) })
		if err == nil {
			t.await(id)
		}
		for t.inFlight > 0 && t.pump() == nil {
			t.inbox = t.inbox[:0]
		}
	}
	idle := t.inFlight == 0
	t.r.Close()
	if idle {
		unix.Munmap(t.arena)
	}
}

// take cuts n bytes off the arena, aligned for any structure.
func (t *trial) take(n int) []byte {
	b := t.arena[t.used : t.used+n : t.used+n]
	t.used += (n + 63) &^ 63
	return b
}

// rewind gives back what was taken since mark := t.used. Nothing that lies there
// may be in flight.
func (t *trial) rewind(mark int) {
	if t.inFlight == 0 {
		t.used = mark
	}
}

// one submits an entry and waits for its first completion.
func (t *trial) one(prep func(*ring.SQE)) (ring.CQE, error) {
	id, err := t.start(prep)
	if err != nil {
		return ring.CQE{}, err
	}
	return t.await(id)
}

// start submits an entry without waiting. An error is an enter call's.
func (t *trial) start(prep func(*ring.SQE)) (id uint64, err error) {
	s := t.r.GetSQE()
	if s == nil {
		return 0, unix.EBUSY
	}
	prep(s)
	t.lastID++
	s.UserData = t.lastID
	for {
		n, err := t.r.Submit()
		switch {
		case n > 0:
			t.inFlight++
			return t.lastID, nil
		case err == unix.EINTR:
		case err == nil:
			return 0, unix.EAGAIN
		default:
			return 0, err
		}
	}
}

// await returns the next completion of the request.
func (t *trial) await(id uint64) (ring.CQE, error) {
	for {
		for i, c := range t.inbox {
			if c.UserData == id {
				t.inbox = append(t.inbox[:i], t.inbox[i+1:]...)
				return c, nil
			}
		}
		if err := t.pump(); err != nil {
			return ring.CQE{}, err
		}
	}
}

// drain awaits the final completion of a request that has been cancelled or whose
// socket has ended.
func (t *trial) drain(id uint64) (ring.CQE, error) {
	for {
		c, err := t.await(id)
		if err != nil || !c.More() {
			return c, err
		}
	}
}

// pump waits for completions and moves them to the inbox.
func (t *trial) pump() error {
	deadline := time.Now().Add(patience)
	for {
		n := t.r.PeekBatch(t.batch[:])
		for _, c := range t.batch[:n] {
			if !c.More() {
				t.inFlight--
			}
			t.inbox = append(t.inbox, c)
		}
		if n > 0 {
			return nil
		}
		if err := t.ctx.Err(); err != nil {
			return err
		}
		left := time.Until(deadline)
		if left <= 0 {
			return errNoCompletion
		}
		if err := t.wait(left); err != nil {
			return err
		}
	}
}

// wait blocks for a completion or, without an error, for the time-out. Kernels
// before 5.11 can not time out in enter; there poll(2) waits on the ring.
func (t *trial) wait(d time.Duration) error {
	var err error
	if t.r.Features()&ring.FeatExtArg != 0 {
		_, err = t.r.SubmitAndWait(1, d)
	} else if _, err = t.r.SubmitAndGetEvents(); err == nil && t.r.CQReady() == 0 {
		_, err = unix.Poll([]unix.PollFd{{Fd: int32(t.r.FD()), Events: unix.POLLIN}}, int(d/time.Millisecond)+1)
	}
	switch err {
	case unix.ETIME, unix.EINTR, unix.EAGAIN, unix.EBUSY:
		return nil
	}
	return err
}

// timedOut makes a wait that nothing ends but its time-out, again after a signal,
// which proves nothing.
func (t *trial) timedOut(wait func() (int, error)) error {
	for {
		if _, err := wait(); err != unix.EINTR || t.ctx.Err() != nil {
			return err
		}
	}
}

// smallRing makes another ring.
func (t *trial) smallRing(p ring.Params) (*ring.Ring, error) {
	return t.room.ring(func() (*ring.Ring, error) { return ring.Setup(1, p) })
}

// judge turns a completion into a finding: yes if the request succeeded and did
// what it should.
func (t *trial) judge(c ring.CQE, err error, ok bool) finding {
	switch {
	case errors.Is(err, errNoCompletion):
		return finding{how: ByRoundTrip, note: errNoCompletion.Error()}
	case err != nil:
		return judgeErr(err, ByRoundTrip)
	case c.Res < 0:
		return judgeErr(syscall.Errno(-c.Res), ByRoundTrip)
	case !ok:
		return finding{state: No, how: ByRoundTrip, note: "did not do what it should"}
	}
	return finding{state: Yes, how: ByRoundTrip}
}
