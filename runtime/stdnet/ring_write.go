package stdnet

import (
	"net"
	"os"
	"syscall"
	"time"

	"github.com/headrace/headrace/buffers"
)

// write is Write on a loop: it copies p into the queue, in pieces if it must. The
// error is not dressed.
func (r *ring) write(p []byte) (n int, err error) {
	r.mu.Lock()
	r.bulk.wrote(len(p))
	for {
		room, err := r.room(len(p) - n)
		if err != nil || n == len(p) {
			r.mu.Unlock()
			return n, err
		}
		k := min(room, len(p)-n)
		r.copyIn(p[n : n+k])
		n += k
		mark := r.markDirty()
		r.mu.Unlock()
		if mark {
			r.home.mark(r)
		}
		if n == len(p) {
			return n, nil
		}
		r.mu.Lock()
	}
}

// copyIn copies p to the end of the queue. A pool that has nothing left is made
// up for by the heap: the queue is bounded.
func (r *ring) copyIn(p []byte) {
	n := r.out.AppendCopy(r.home.loop.Pool(), p)
	if n < len(p) {
		r.out.Append(buffers.Wrap(append([]byte(nil), p[n:]...), nil))
	}
}

// append queues a chain, which it takes.
func (r *ring) append(chain buffers.Chain) error {
	r.mu.Lock()
	if _, err := r.room(min(chain.Len(), r.limit)); err != nil {
		r.mu.Unlock()
		chain.Release()
		return err
	}
	r.out.AppendChain(&chain)
	mark := r.markDirty()
	r.mu.Unlock()
	if mark {
		r.home.mark(r)
	}
	return nil
}

// room waits until n bytes fit into the queue, or half of it if n is more. It is
// called with the lock, which it gives up to wait.
func (r *ring) room(n int) (int, error) {
	want := min(n, r.limit/2)
	for {
		switch {
		case r.closed:
			return 0, net.ErrClosed
		case r.writeDeadline.over():
			return 0, os.ErrDeadlineExceeded
		case r.shut:
			return 0, os.NewSyscallError("write", syscall.EPIPE)
		case r.ended:
			return 0, r.failure("write", os.NewSyscallError("write", syscall.EPIPE))
		}
		if room := r.limit - r.out.Len() - r.handed; room >= want {
			return room, nil
		}
		if r.writeDeadline.unarmed() {
			r.writeDeadline.arm(r.expireWrite)
		}
		r.writes = true
		mark := r.markDirty() // the loop knows better how much is unsent
		r.mu.Unlock()
		if mark {
			r.home.mark(r)
		}
		<-r.writer
		r.mu.Lock()
		r.writes = false
	}
}

// flush gives the loop what was written, and does what else was asked for. It is
// called on the loop.
func (r *ring) flush() {
	r.mu.Lock()
	if r.rc == nil || r.ended {
		r.dirty = false
		r.mu.Unlock()
		return
	}
	r.dirty = false
	out := r.out.TakeAll()
	r.handed = r.rc.Unsent() + out.Len()
	resume, waits := r.resume, r.writes
	r.resume = false
	closed, discard := r.closed, r.discard
	r.mu.Unlock()

	switch {
	case closed && discard:
		out.Release()
		r.rc.Abort(nil)
		return
	case waits:
		r.sendWaited(out)
	case !out.Empty():
		_ = r.rc.Send(out) // its error comes with Closed
	}
	if closed {
		r.rc.Close()
		return
	}
	if resume {
		r.rc.Resume()
	}
}

// sendWaited sends a chain with a mark in the middle, so that the Write that
// waits goes on while the rest is on its way.
func (r *ring) sendWaited(out buffers.Chain) {
	if n := out.Len(); n > r.limit/2 {
		_ = r.rc.Send(out.Split(n / 2))
	} else {
		_ = r.rc.Send(out.TakeAll())
	}
	switch {
	case r.awaited:
	case r.rc.Unsent() > 0:
		r.awaited = true
		r.rc.AfterSent(r.hasRoom)
	default:
		r.hasRoom(nil)
	}
	_ = r.rc.Send(out)
}

// hasRoom tells a Write that waits how much is unsent. It is called on the loop.
func (r *ring) hasRoom(error) {
	r.mu.Lock()
	r.awaited = false
	r.handed = r.rc.Unsent()
	wake := r.writes
	r.mu.Unlock()
	if wake {
		poke(r.writer)
	}
}

// closeWrite sends FIN behind what was written, up to the moment from which nothing
// can be. It is called on the loop.
func (r *ring) closeWrite() error {
	r.mu.Lock()
	shut := r.shut
	r.shut = true
	out := r.out.TakeAll()
	r.handed = r.rc.Unsent() + out.Len()
	r.mu.Unlock()
	if shut {
		return nil
	}
	poke(r.writer)
	if !out.Empty() {
		_ = r.rc.Send(out) // its error comes with Closed
	}
	return system("shutdown", cause(r.rc.CloseWrite()))
}

// closeRead lets reading end. It is called on the loop.
func (r *ring) closeRead() error { return system("shutdown", cause(r.rc.CloseRead())) }

// closePatience bounds how long Close waits for the queue to reach the kernel.
// What a slow peer has not taken by then is sent in the background.
const closePatience = 100 * time.Millisecond

// close ends every call and then the connection.
func (r *ring) close(discard bool) {
	r.mu.Lock()
	r.closed, r.discard = true, discard
	r.dst = nil // what comes now reaches no Read
	r.in.Release()
	r.readDeadline.stop()
	r.writeDeadline.stop()
	unsent := r.out.Len()+r.handed > 0 && !discard && !r.ended
	mark := r.markDirty()
	r.mu.Unlock()
	poke(r.reader)
	poke(r.writer)
	if mark {
		r.home.mark(r)
	}
	if !unsent {
		return
	}
	t := time.NewTimer(closePatience)
	defer t.Stop()
	select {
	case <-r.over:
	case <-t.C:
	}
}
