package stdnet

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// ring is a connection's time on a loop: the handler of the loop's callbacks on
// one side, blocking calls on the other, and a lock between them that is never
// held for long.
type ring struct {
	home  *home
	conn  *conn
	rc    *runtime.Conn
	limit int // bytes of the queue
	high  int // bytes held unread, above which the loop stops receiving

	// The loop's own.
	queued  bool // to be woken at the end of the turn
	awaited bool // an AfterSent is on its way

	reader, writer chan struct{} // tokens, at most one each

	mu            sync.Mutex
	readDeadline  deadline
	writeDeadline deadline
	dirty         bool   // in home.dirty
	reads         bool   // a Read is parked
	dst           []byte // and waits for this to be filled
	got           int    // with so much
	writes        bool   // a Write is parked, or wants to be woken when there is room
	paused        bool   // receiving is paused: too much unread
	resume        bool   // and may go on
	leaving       bool   // SyscallConn's user is about to move it
	eof           bool
	shut          bool // CloseWrite was called
	closed        bool // Close was called
	discard       bool // and is to drop what is unsent
	ended         bool // the loop knows it no more
	err           error
	told          bool // err was
	readTold      bool // to a Read
	in            buffers.Chain
	out           buffers.Chain // written, not with the loop yet
	handed        int           // written, with the loop; at most so much
	settled       int64         // no move before, by clock
	bulk          bulk
	over          chan struct{} // closed when ended
}

// The bounds of what a connection holds.
const (
	queueLimit  = 256 << 10
	unreadLimit = 256 << 10
)

func newRing(c *conn) *ring {
	cfg := &c.origin.home.cfg
	r := &ring{
		home: c.origin.home, conn: c,
		limit:  min(queueLimit, cfg.UnsentHigh),
		high:   min(unreadLimit, cfg.UnreadHigh),
		reader: make(chan struct{}, 1), writer: make(chan struct{}, 1),
		over: make(chan struct{}),
	}
	r.readDeadline.set(c.readDeadline.get())
	r.writeDeadline.set(c.writeDeadline.get())
	if c.hasLeft() {
		r.in.Append(buffers.Wrap(c.moves.left, nil))
	}
	return r
}

// poke wakes who waits for the token, or who comes next.
func poke(token chan struct{}) {
	select {
	case token <- struct{}{}:
	default:
	}
}

// Open takes the connection's time-outs away, which those of package net do not
// have, and does what was asked for meanwhile.
func (r *ring) Open(rc *runtime.Conn) {
	if cfg := &r.home.cfg; cfg.IdleTimeout > 0 || cfg.WriteTimeout > 0 {
		rc.SetIdleTimeout(0)
		rc.SetWriteTimeout(0)
	}
	r.flush()
}

// EOF lets Read return io.EOF, once it has read what came before.
func (r *ring) EOF(*runtime.Conn) {
	r.mu.Lock()
	r.eof = true
	r.wakeReader()
	r.mu.Unlock()
}

// Shutdown does nothing: it is the program that ends its connections.
func (r *ring) Shutdown(*runtime.Conn) {}

// Closed ends every call.
func (r *ring) Closed(_ *runtime.Conn, err error) {
	r.mu.Lock()
	r.ended = true
	r.err = cause(err)
	r.out.Release()
	r.handed = 0
	if r.closed || errors.Is(err, net.ErrClosed) {
		r.in.Release()
	}
	if r.err == nil {
		r.err = net.ErrClosed
	}
	r.mu.Unlock()
	close(r.over)
	poke(r.reader)
	poke(r.writer)
}

// wakeReader has a parked Read woken with the others of this turn. It is called
// on the loop, with the lock.
func (r *ring) wakeReader() {
	if r.reads && !r.queued {
		r.queued = true
		r.home.wake(r)
	}
}

// failure is what calls answer on a connection that has ended: its error once, then
// what the system says about a socket that had one. A Read has the error although a
// Write had it: what the peer sent is not whole, and must not look so.
func (r *ring) failure(call string, then error) error {
	if _, ok := r.err.(syscall.Errno); !ok {
		return r.err
	}
	told := r.told
	if call == "read" {
		told, r.readTold = r.readTold, true
	}
	if r.told = true; told {
		return then
	}
	return system(call, r.err)
}

// setDeadline sets deadlines and wakes whom they concern.
func (r *ring) setDeadline(at instant, read, write bool) {
	r.mu.Lock()
	look := read && r.readDeadline.set(at) && r.reads
	lookWrite := write && r.writeDeadline.set(at) && r.writes
	r.mu.Unlock()
	if look {
		poke(r.reader)
	}
	if lookWrite {
		poke(r.writer)
	}
}

// expireRead is called when the read deadline's timer fires.
func (r *ring) expireRead() {
	r.mu.Lock()
	r.readDeadline.armed = 0
	r.mu.Unlock()
	poke(r.reader)
}

func (r *ring) expireWrite() {
	r.mu.Lock()
	r.writeDeadline.armed = 0
	r.mu.Unlock()
	poke(r.writer)
}

// call runs f on the loop, behind everything written so far, and waits for it.
func (r *ring) call(f func(r *ring) error) error {
	var err error
	called := r.home.loop.Call(func() {
		r.flush()
		if r.ended {
			err = errEnded
			return
		}
		err = f(r)
	})
	if called != nil {
		return errEnded
	}
	return err
}

// errEnded is call's answer on a connection that the loop knows no more: it was
// reset, or the runtime closed.
var errEnded error = &endedError{}

type endedError struct{}

func (*endedError) Error() string { return "connection has ended" }
func (*endedError) Unwrap() error { return net.ErrClosed }

// leave ends the ring because the connection moves, and returns what was
// received and not read. It is called on the loop.
func (r *ring) leave(unread *buffers.Chain) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.in.AppendChain(unread)
	if r.in.Empty() {
		return nil
	}
	left := r.in.Bytes()
	r.in.Release()
	return left
}

var (
	_ runtime.OpenHandler     = (*ring)(nil)
	_ runtime.EOFHandler      = (*ring)(nil)
	_ runtime.ShutdownHandler = (*ring)(nil)
	_ io.Reader               = (*conn)(nil)
)
