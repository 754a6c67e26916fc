package stdnet

import (
	"io"
	"net"
	"os"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// smallPiece is the largest chunk that is copied behind what is unread already: a
// peer that dribbles bytes must not hold a buffer with each of them.
const smallPiece = 4 << 10

// Data takes what was received and wakes the Read that waits for it.
func (r *ring) Data(rc *runtime.Conn, in *buffers.Chain) {
	r.mu.Lock()
	if tail := r.in.Tail(); tail != nil && in.Len() <= smallPiece && len(tail.Room()) >= in.Len() {
		for c := in.Front(); c != nil; c = c.Next() {
			r.in.AppendCopy(rc.Loop().Pool(), c.Bytes())
		}
		in.Release()
	} else {
		r.in.AppendChain(in)
	}
	pause := !r.paused && r.in.Held() > r.high
	if pause {
		r.paused = true
	}
	r.wakeReader()
	r.mu.Unlock()
	if pause {
		rc.Pause()
	}
}

// read is Read on a loop. The error is not dressed.
func (r *ring) read(p []byte, mayMove bool) (int, error) {
	r.mu.Lock()
	if err := r.readable(len(p) == 0, mayMove); err != nil || len(p) == 0 {
		r.mu.Unlock()
		return 0, err
	}
	n, _ := r.in.Read(p)
	r.bulk.read(n)
	mark := r.taken()
	r.mu.Unlock()
	if mark {
		r.home.mark(r)
	}
	r.home.note(&r.conn.seen)
	return n, nil
}

// readChain takes all that has come.
func (r *ring) readChain() (buffers.Chain, error) {
	r.mu.Lock()
	if err := r.readable(false, false); err != nil {
		r.mu.Unlock()
		return buffers.Chain{}, err
	}
	in := r.in.TakeAll()
	mark := r.taken()
	r.mu.Unlock()
	if mark {
		r.home.mark(r)
	}
	return in, nil
}

// readable waits until something is unread; not if the caller has no use for it,
// or should rather move, or let others move. It is called with the lock, which it gives up to wait.
func (r *ring) readable(useless, mayMove bool) error {
	for {
		switch {
		case r.closed:
			return net.ErrClosed
		case useless:
			return nil
		case r.readDeadline.over():
			return os.ErrDeadlineExceeded
		case !r.in.Empty():
			return nil
		case r.eof:
			return io.EOF
		case r.ended:
			return r.failure("read", io.EOF)
		case r.leaving:
			return errAside
		case mayMove && r.conn.wantsPoller() && r.movable():
			return errMove
		}
		if r.readDeadline.unarmed() {
			r.readDeadline.arm(r.expireRead)
		}
		r.reads = true
		r.mu.Unlock()
		<-r.reader
		r.mu.Lock()
		r.reads = false
	}
}

// movable tells whether a move could succeed now.
func (r *ring) movable() bool {
	return !r.paused && (r.settled == 0 || clock() >= r.settled)
}

// taken is called when something was taken from in. It reports whether the loop
// must know, and is called with the lock.
func (r *ring) taken() bool {
	if !r.paused || r.in.Held() > r.high/2 {
		return false
	}
	r.paused, r.resume = false, true
	return r.markDirty()
}

// markDirty reports whether r has to be given to home.mark, once the lock is free.
func (r *ring) markDirty() bool {
	if r.dirty {
		return false
	}
	r.dirty = true
	return true
}
