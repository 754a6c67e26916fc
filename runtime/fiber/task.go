package fiber

import (
	"context"
	"time"

	"github.com/headrace/headrace/runtime"
)

// Task is a fiber without a connection of its own: what all fibers can do. Its
// methods are for that fiber.
type Task struct{ fb *fiber }

// Loop returns the loop the fiber runs on.
func (t *Task) Loop() *runtime.Loop { return t.fb.loop }

// Offload runs work on an ordinary goroutine, where it may block, and suspends
// the fiber until it returns. work must not touch the fiber's connections.
// A panic in work is raised again in the fiber.
func (t *Task) Offload(work func()) {
	var done bool
	var failed any
	t.fb.loop.Offload(func() {
		defer func() { failed = recover() }()
		work()
	}, func() { t.fb.called(&done) })
	t.fb.await(&done)
	if failed != nil {
		panic(failed)
	}
}

// lastSleeps is how many sleeps of a fiber end early because the runtime closes. One
// that goes on is in a loop without an end, and would keep the runtime from its own.
const lastSleeps = 16

// Sleep suspends the fiber for d. When the runtime closes it returns early, and so it
// does from then on: the next call on a connection fails. A fiber that only sleeps,
// again and again, is then left asleep for ever.
func (t *Task) Sleep(d time.Duration) {
	var done bool
	if t.fb.cut == lastSleeps {
		t.fb.await(&done)
	}
	t.fb.loop.AfterOrClose(d, func(closed bool) {
		if closed {
			t.fb.cut++
		}
		t.fb.called(&done)
	})
	t.fb.await(&done)
}

// Dial connects to a tcp, tcp4, tcp6 or unix address on the fiber's loop. The
// connection belongs to the fiber, which closes it.
func (t *Task) Dial(ctx context.Context, network, address string) (*Conn, error) {
	return t.DialWith(ctx, nil, network, address)
}

// DialWith is Dial with a configuration; nil means the zero one.
func (t *Task) DialWith(ctx context.Context, cfg *runtime.DialConfig, network, address string) (*Conn, error) {
	var done bool
	var conn *Conn
	var failed error
	t.fb.loop.DialWith(ctx, cfg, network, address, func(rc *runtime.Conn, err error) runtime.Handler {
		if err != nil {
			failed = err
			t.fb.called(&done)
			return nil
		}
		conn = newConn(t.fb, rc)
		conn.opened = func() { t.fb.called(&done) }
		return conn
	})
	t.fb.await(&done)
	return conn, failed
}
