//go:build linux

package probe

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
)

// memlockPatience is how long in all something is asked for again.
const memlockPatience = 200 * time.Millisecond

// room asks again for what RLIMIT_MEMLOCK refused. Where the limit counts rings, the
// kernel takes a closed one off the account some 20 to 40 ms later, and the trials
// close several, as does a program that was here a moment ago.
type room struct {
	ctx  context.Context
	left time.Duration // none where the limit does not bind, or waiting was in vain
}

func newRoom(ctx context.Context, f facts) *room {
	if !f.memlock.binds(f.status) {
		return &room{ctx: ctx}
	}
	return &room{ctx: ctx, left: memlockPatience}
}

// ask calls try until it answers something else than ENOMEM, for a while.
func (m *room) ask(try func() error) error {
	err := try()
	for wait := time.Millisecond; errors.Is(err, unix.ENOMEM) && m.left > 0; wait *= 2 {
		wait = min(wait, m.left)
		m.left -= wait
		select {
		case <-m.ctx.Done():
			return err
		case <-time.After(wait):
		}
		err = try()
	}
	if m.left > 0 {
		m.left = memlockPatience
	}
	return err
}

// ring asks for a ring.
func (m *room) ring(setup func() (*ring.Ring, error)) (r *ring.Ring, err error) {
	err = m.ask(func() (err error) {
		r, err = setup()
		return err
	})
	return r, err
}

// bufRing asks for a buffer ring, which counts as well.
func (m *room) bufRing(r *ring.Ring, entries, id uint16, flags ring.PBufRingFlags) (br *ring.BufRing, err error) {
	err = m.ask(func() (err error) {
		br, err = r.RegisterBufRing(entries, id, flags)
		return err
	})
	return br, err
}
