package stdnet

import (
	"io"
	"net"
	"os"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// smallPiece is the most that the loop copies: to the Read that waits for it, or behind
// what is unread already, since a peer that dribbles bytes must not hold a buffer with
// each of them. More than that readers copy by themselves, each where it runs.
const smallPiece = 4 << 10

// Data takes what was received and wakes the Read that waits for it.
func (r *ring) Data(rc *runtime.Conn, in *buffers.Chain) {
	r.mu.Lock()
	r.take(rc.Loop().Pool(), in)
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

// take takes in: to the Read that waits, or behind what is unread.
func (r *ring) take(pool *buffers.Pool, in *buffers.Chain) {
	small := in.Len() <= smallPiece
	if r.dst != nil {
		if small {
			r.got, _ = in.Read(r.dst)
		}
		r.dst = nil // what comes next is behind this
	}
	if tail := r.in.Tail(); small && tail != nil && len(tail.Room()) >= in.Len() {
		for c := in.Front(); c != nil; c = c.Next() {
			r.in.AppendCopy(pool, c.Bytes())
		}
		in.Release()
		return
	}
	r.in.AppendChain(in)
}

// read is Read on a loop. The error is not dressed.
func (r *ring) read(p []byte, mayMove bool) (int, error) {
	r.mu.Lock()
	if len(p) == 0 {
		defer r.mu.Unlock()
		if r.closed {
			return 0, net.ErrClosed
		}
		return 0, nil
	}
	if err := r.readable(p, mayMove); err != nil {
		r.mu.Unlock()
		return 0, err
	}
	n := r.got
	if r.got = 0; n == 0 {
		n, _ = r.in.Read(p)
	}
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
	if err := r.readable(nil, false); err != nil {
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

// readable waits until something is unread, or was put into p meanwhile; not if the
// caller should rather move, or let others move. It is called with the lock, which it
// gives up to wait.
func (r *ring) readable(p []byte, mayMove bool) error {
	for {
		switch {
		case r.got > 0:
			return nil
		case r.closed:
			return net.ErrClosed
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
		r.reads, r.dst = true, p
		r.mu.Unlock()
		<-r.reader
		r.mu.Lock()
		r.reads, r.dst = false, nil
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
