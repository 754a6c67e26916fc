package stdnet

import (
	"github.com/headrace/headrace/runtime"
)

// host is what a runtime has for the connections of this package.
type host struct{ homes []*home }

type hostKey struct{}

// hostOf returns the host of a runtime.
func hostOf(rt *runtime.Runtime) *host {
	return rt.Local(hostKey{}, func() any {
		h := &host{}
		// Goroutines do about as much work as the loops that serve them, and fewer
		// loops have fuller turns.
		loops := rt.Loops()
		for _, l := range loops[:(len(loops)+1)/2] {
			h.homes = append(h.homes, newHome(l))
		}
		return h
	}).(*host)
}

// place returns the home with the fewest connections.
func (h *host) place() *home {
	best := h.homes[0]
	for _, o := range h.homes[1:] {
		if o.conns.Load() < best.conns.Load() {
			best = o
		}
	}
	return best
}

// origin is what connections of one loop have in common that were asked for alike.
type origin struct {
	home    *home
	network string // as it was asked for, which is how errors name it
	mode    Mode
}

// origin returns the origin of a new connection.
func (h *host) origin(network string, mode Mode) *origin { return h.place().origin(network, mode) }
