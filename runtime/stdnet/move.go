package stdnet

import (
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

// errMove is ring.read's answer when the connection had better wait in the
// netpoller.
var errMove = errors.New("stdnet: move")

// errAside is its answer while somebody else is about to move the connection.
var errAside = errors.New("stdnet: aside")

// aside lets somebody else have reading for a while.
func (c *conn) aside() {
	c.reading.Unlock()
	time.Sleep(asideTime)
	c.reading.Lock()
}

// asideTime is how long either side waits for the other.
const asideTime = time.Millisecond

// settled is how many reads make a connection one that will go on. Moving costs more
// than it saves those that ask once, and they are no reason for others to move; nor are
// those that carry much.
const settled = 8

// note says that a Read got n bytes, with reading held.
func (c *conn) note(n int) {
	switch {
	case n >= bulkRead:
		c.reads = 0
	case c.reads < settled:
		c.reads++
	case !c.rests():
		c.origin.home.note(&c.seen)
	}
}

// wantsLoop tells whether the connection should be on its loop.
func (c *conn) wantsLoop() bool {
	switch c.origin.mode {
	case Auto:
		return c.reads == settled && c.origin.home.hot.Load() && !c.origin.home.portable && !c.rests()
	case Poller:
		return false
	}
	return true
}

// wantsPoller tells whether it should be in the netpoller. It is called on a loop, with
// the ring's lock.
func (c *conn) wantsPoller() bool {
	switch c.origin.mode {
	case Auto:
		return canLeave && (!c.origin.home.hot.Load() || c.ring().bulk.much())
	case Loop:
		return false
	}
	return canLeave && !c.origin.home.portable
}

// lockToMove takes the locks that a move needs beside reading, which the caller
// holds, if nobody else has them.
func (c *conn) lockToMove() bool {
	if !c.writing.TryLock() {
		return false
	}
	c.mu.Lock()
	if c.closed || c.held > 0 {
		c.unlockMoved()
		return false
	}
	return true
}

func (c *conn) unlockMoved() {
	c.mu.Unlock()
	c.writing.Unlock()
}

// warm moves the connection to its loop, if it can.
func (c *conn) warm() {
	if !c.lockToMove() {
		return
	}
	defer c.unlockMoved()
	if c.flags&stays != 0 {
		return
	}
	if c.moves == nil {
		c.moves = &moves{local: c.std.LocalAddr(), remote: c.std.RemoteAddr()}
	}
	r := newRing(c)
	a := &adoption{ring: r, std: c.std, done: make(chan error, 1)}
	err := c.origin.home.loop.PostTask(a)
	if err == nil {
		err = a.wait(c.origin.mode == Loop)
	}
	switch {
	case err == nil:
		c.moves.ring, c.std, c.moves.left = r, nil, nil
	case errors.Is(err, net.ErrClosed), errors.Is(err, errors.ErrUnsupported):
		c.flags |= stays // the runtime was closed: go on without it
	case err == errBusy:
		c.reads, c.moves.rest = 0, clock()+int64(coldTime)
	} // else it lacks descriptors or memory: stay as it is for now
}

// adoption gives a connection to its loop.
type adoption struct {
	ring  *ring
	std   socket
	taken atomic.Bool // by the loop, or back by who waited
	done  chan error
}

// errBusy is for a loop that is held up.
var errBusy = errors.New("stdnet: the loop is busy")

// loopPatience is how long a connection that would move waits for its loop. Deadlines and
// Close wait with it.
const loopPatience = 20 * time.Millisecond

// answers reports whether the loop is not held up.
func (h *home) answers() bool {
	ran := make(chan struct{})
	if h.loop.Post(func() { close(ran) }) != nil {
		return true // it has ended, as will be seen
	}
	t := time.NewTimer(loopPatience)
	defer t.Stop()
	select {
	case <-ran:
		return true
	case <-t.C:
		return false
	}
}

// wait waits for the loop to have the connection; not for long, unless it must be there.
func (a *adoption) wait(must bool) error {
	if must {
		return <-a.done
	}
	t := time.NewTimer(loopPatience)
	defer t.Stop()
	select {
	case err := <-a.done:
		return err
	case <-t.C:
	}
	if a.taken.CompareAndSwap(false, true) {
		return errBusy
	}
	return <-a.done
}

// Run implements runtime.Task.
func (a *adoption) Run(l *runtime.Loop) {
	if !a.taken.CompareAndSwap(false, true) {
		return
	}
	a.done <- l.Adopt(a.std, func(rc *runtime.Conn) runtime.Handler {
		a.ring.rc = rc
		return a.ring
	})
}

// cool moves the connection to the netpoller, if it can. Everything that can fail
// for want of descriptors comes before the loop lets go.
func (c *conn) cool() {
	if !c.lockToMove() {
		return
	}
	defer c.unlockMoved()
	r := c.ring()
	if !r.home.answers() {
		r.settled = clock() + int64(coldTime)
		return
	}
	std, err := r.twin()
	if err != nil {
		r.settled = clock() + int64(coldTime) // not now
		return
	}
	type parted struct {
		socket driver.Detached
		left   []byte
		err    error
	}
	done := make(chan parted, 1)
	over := false // the loop's own
	detached := func(s driver.Detached, unread buffers.Chain, err error) {
		over = true
		p := parted{socket: s, err: err}
		if err == nil {
			p.left = r.leave(&unread)
		}
		done <- p
	}
	patience := 10 * time.Millisecond // for a peer to take what is queued
	if err := r.home.loop.Post(func() {
		r.rc.Detach(detached)
		r.home.loop.AfterFunc(patience, func() {
			if !over {
				r.rc.CancelDetach()
			}
		})
	}); err != nil {
		std.Close()
		return
	}
	p := <-done
	if p.err != nil {
		std.Close()
		r.settled = clock() + int64(coldTime)
		return
	}
	if s, ok := p.socket.(interface{ Close() error }); ok {
		_ = s.Close() // its twin goes on
	}
	c.moves.ring, c.std, c.moves.left = nil, std, p.left
	if r.bulk.much() {
		c.reads, c.moves.rest = 0, clock()+int64(bulkRest)
	}
	if r.shut {
		c.flags |= stays // on a loop, a write too many would be the end of reading, too
	}
	r.readDeadline.stop()
	r.writeDeadline.stop()
	// The deadlines have been checked when they were set.
	_ = std.SetReadDeadline(c.readDeadline.get().time())
	_ = std.SetWriteDeadline(c.writeDeadline.get().time())
}
