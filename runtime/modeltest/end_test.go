package modeltest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

var errAbort = errors.New("the program aborts")

// end is one end of a link: a connection, its handler, and what the model knows of
// it. It is touched on the loop of its connection, and by the test when all is
// over.
type end struct {
	m    *machine
	name string
	loop atomic.Pointer[runtime.Loop]
	conn *runtime.Conn
	sink *os.File
	unix bool

	out, in stream
	lazy    bool // takes half of what it is given
	moving  atomic.Bool
	away    atomic.Bool // between two loops: nobody touches it
	shut    bool        // CloseWrite was called
	moved   bool        // to another loop
	last    bool        // the program is over: close after the other end has
	eof     bool
	closed  int
	err     error
	panics  bool // in the next Data

	expect    []error      // what Closed may say for what the program did here
	disturbed bool         // the program did something that can cost the other end bytes
	calls     atomic.Int32 // callbacks that are due
}

func (e *end) fail(format string, args ...any) {
	e.m.fail(fmt.Errorf("%s: %w", e.name, fmt.Errorf(format, args...)))
}

// may notes that the connection can end with one of errs from now on.
func (e *end) may(errs ...error) {
	e.disturbed = true
	e.expect = append(e.expect, errs...)
}

// begin takes a connection.
func (e *end) begin(c *runtime.Conn) runtime.Handler {
	e.eof = false // the next loop tells it again
	e.moved = e.conn != nil
	e.conn = c
	e.loop.Store(c.Loop())
	e.away.Store(false)
	return e
}

// Data implements [runtime.Handler].
func (e *end) Data(c *runtime.Conn, in *buffers.Chain) {
	if e.closed > 0 || e.eof {
		e.fail("Data after the end")
	}
	if e.panics {
		panic("as the program says")
	}
	take := in.TakeAll
	if n := in.Len(); e.lazy && n > 1 && in.Held() < unreadHigh/4 {
		take = func() buffers.Chain { return in.Split(n / 2) }
	}
	e.received(take())
}

func (e *end) received(chain buffers.Chain) {
	for chunk := range chain.All() {
		if err := e.in.check(chunk.Bytes()); err != nil {
			e.fail("%w", err)
			break
		}
	}
	chain.Release()
}

// EOF implements [runtime.EOFHandler].
func (e *end) EOF(c *runtime.Conn) {
	if e.eof {
		e.fail("EOF twice")
	}
	e.received(c.Unread().TakeAll())
	e.eof = true
	if e.last {
		c.Close()
	}
}

// Closed implements [runtime.Handler].
func (e *end) Closed(_ *runtime.Conn, err error) {
	e.err = err
	if e.closed++; e.closed == 1 {
		e.m.ended <- e
	}
}

// gone reports whether nothing can be sent any more.
func (e *end) gone() bool { return e.shut || e.conn.Closing() || e.closed > 0 }

// sent takes the outcome of queueing n bytes.
func (e *end) sent(n int, err error) {
	if err == nil {
		return
	}
	e.out.off -= int64(n)
	if !e.gone() {
		e.fail("sending: %w", err)
	}
}

// once returns a callback that must be called once.
func (e *end) once(f func(n int64, err error)) func(int64, error) {
	e.calls.Add(1)
	called := false
	return func(n int64, err error) {
		if called {
			e.fail("a callback came twice")
		}
		called = true
		e.calls.Add(-1) // perhaps on the loop that the connection was on before
		f(n, err)
	}
}

// recvFull receives n bytes into memory.
func (e *end) recvFull(n int) {
	dst := make([]byte, n)
	done := e.once(func(got int64, err error) {
		if err := e.in.check(dst[:got]); err != nil {
			e.fail("RecvFull: %w", err)
		}
		if (err == nil) != (int(got) == n) {
			e.fail("RecvFull of %d bytes got %d and says: %w", n, got, err)
		}
	})
	e.conn.RecvFull(dst, func(got int, err error) { done(int64(got), err) })
}

// recvFile receives n bytes into a file. What a full disk leaves out is told to Data.
func (e *end) recvFile(n int) {
	done := e.once(func(got int64, err error) {
		p := make([]byte, got)
		if _, err := e.sink.ReadAt(p, 0); err != nil {
			e.fail("reading what RecvToFile wrote: %w", err)
		}
		if err := e.in.check(p); err != nil {
			e.fail("RecvToFile: %w", err)
		}
		if (err == nil) != (int(got) == n) {
			e.fail("RecvToFile of %d bytes wrote %d and says: %w", n, got, err)
		}
		if errors.Is(err, syscall.ENOSPC) && !e.m.full {
			e.fail("RecvToFile: %w", err)
		}
	})
	e.conn.RecvToFile(e.sink, 0, int64(n), nil, done)
}

// move takes the connection to another loop.
func (e *end) move(to *runtime.Loop) {
	e.moving.Store(true)
	done := e.once(func(int64, error) {})
	e.conn.Detach(func(socket driver.Detached, unread buffers.Chain, err error) {
		done(0, err)
		if err != nil {
			e.moving.Store(false)
			return
		}
		e.received(unread)
		e.away.Store(true)
		posted := to.Post(func() {
			err := to.Adopt(socket, func(c *runtime.Conn) runtime.Handler {
				e.moving.Store(false)
				return e.begin(c)
			})
			if err != nil {
				e.loop.Store(to)
				e.lost(socket, err)
			}
		})
		if posted != nil {
			e.lost(socket, posted)
		}
	})
}

// lost ends the connection between two loops: the runtime closes.
func (e *end) lost(socket driver.Detached, err error) {
	_ = socket.(io.Closer).Close()
	e.moving.Store(false)
	e.may(err)
	e.Closed(nil, err)
	e.away.Store(false)
}

// broken are the errors of a connection whose other end did not end well.
var broken = []error{syscall.ECONNRESET, syscall.EPIPE, syscall.ENOTCONN, syscall.ECONNABORTED}

// verdict checks how the connection ended.
func (e *end) verdict(disturbed bool) error {
	if e.closed != 1 {
		return fmt.Errorf("%s: Closed was called %d times", e.name, e.closed)
	}
	if e.calls.Load() != 0 {
		return fmt.Errorf("%s: %d callbacks did not come", e.name, e.calls.Load())
	}
	if e.err == nil {
		return nil
	}
	allowed := e.expect
	if disturbed {
		allowed = append(allowed, broken...)
	}
	for _, a := range allowed {
		if errors.Is(e.err, a) {
			return nil
		}
	}
	return fmt.Errorf("%s: Closed with %w", e.name, e.err)
}
