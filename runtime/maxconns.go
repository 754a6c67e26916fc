package runtime

import (
	"sync"
	"sync/atomic"
)

// waitingRoom holds the acceptors of a runtime, of whatever listener and loop, that
// wait because Config.MaxConns is reached.
type waitingRoom struct {
	some atomic.Bool // somebody is in it

	mu   sync.Mutex
	wait map[*acceptor]struct{}
}

func (w *waitingRoom) enter(a *acceptor) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wait == nil {
		w.wait = make(map[*acceptor]struct{})
	}
	w.wait[a] = struct{}{}
	w.some.Store(true)
}

func (w *waitingRoom) leave(a *acceptor) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.wait, a)
	w.some.Store(len(w.wait) > 0)
}

func (w *waitingRoom) takeAll() map[*acceptor]struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.wait
	w.wait = nil
	w.some.Store(false)
	return all
}

// full reports whether Config.MaxConns is reached.
func (rt *Runtime) full() bool {
	return rt.cfg.MaxConns > 0 && rt.conns.Load() >= int64(rt.cfg.MaxConns)
}

// mustWait has an acceptor wait if the runtime is full.
func (rt *Runtime) mustWait(a *acceptor) bool {
	if !rt.full() {
		return false
	}
	rt.waiting.enter(a)
	if rt.full() { // still: whoever ends from now on finds it there
		return true
	}
	rt.waiting.leave(a)
	return false
}

// connEnded takes a connection off the runtime's books, and those of its listener
// if it was accepted.
func (rt *Runtime) connEnded(ln *Listener) {
	rt.conns.Add(-1)
	if ln != nil {
		ln.conns.Add(-1)
	}
	if !rt.waiting.some.Load() || rt.full() {
		return
	}
	for a := range rt.waiting.takeAll() {
		_ = a.loop.Post(a.accept) // a loop that ended accepts no more
	}
}
