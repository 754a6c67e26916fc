package runtime

import (
	"net"

	"github.com/headrace/headrace/runtime/driver"
)

// Adopt takes in a connected stream socket that exists: a net.Conn, an *os.File
// or what [Conn.Detach] gave. accept makes its handler, later in the same turn.
// Deadlines of a net.Conn end here; socket options stay as they are. When the
// runtime is closed before accept was called, it is called all the same, and
// Closed follows.
//
// On success the runtime owns the socket. On error it is still the caller's, as
// it was, unless the system refused to watch it, which closes it. Like all of
// the loop's methods Adopt is called on the loop.
func (l *Loop) Adopt(socket driver.Detached, accept AcceptFunc) error {
	l.mustRun("Loop.Adopt")
	if l.quitting {
		return ErrClosed
	}
	s, err := l.engine.Attach(socket)
	if err != nil {
		return &net.OpError{Op: "adopt", Net: "fd", Err: err}
	}
	l.numConns.Add(1)
	l.rt.conns.Add(1)
	l.newborns = append(l.newborns, newborn{sock: s, accept: accept, adopted: true})
	return nil
}

// Local returns the value that belongs to key in this runtime, making it with
// create the first time. It is for packages that are written on this one and
// keep something per runtime; keys are of a type of their own, as for
// context.WithValue. It may be called from any goroutine.
func (rt *Runtime) Local(key any, create func() any) any {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	v, ok := rt.locals[key]
	if !ok {
		v = create()
		if rt.locals == nil {
			rt.locals = make(map[any]any)
		}
		rt.locals[key] = v
	}
	return v
}
