package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

// target is somewhere to forward to. All loops share it.
type target struct {
	name             string // as it was given
	network, address string

	active  atomic.Int64  // connections now
	total   atomic.Uint64 // connections made
	refused atomic.Uint64 // connections that could not be made
	failed  atomic.Uint64 // connections that ended with an error of the target
	sent    atomic.Int64  // bytes of ended connections, to the target
	got     atomic.Int64  // and from it
	outTill atomic.Int64  // left alone until then, in Unix nanoseconds
}

// targetList is the value of -to.
type targetList []*target

func (l *targetList) String() string {
	names := make([]string, len(*l))
	for i, t := range *l {
		names[i] = t.name
	}
	return strings.Join(names, ",")
}

// Set adds a target.
func (l *targetList) Set(name string) error {
	t := &target{name: name, network: "tcp", address: name}
	if path, ok := strings.CutPrefix(name, "unix:"); ok {
		t.network, t.address = "unix", path
		if path == "" {
			return errors.New("unix: wants a path")
		}
	} else if _, _, err := net.SplitHostPort(name); err != nil {
		return err
	}
	*l = append(*l, t)
	return nil
}

// balance is how the next target is chosen.
type balance uint8

const (
	roundRobin balance = iota
	least
)

var balanceNames = [...]string{"round-robin", "least"}

// MarshalText returns round-robin or least.
func (b balance) MarshalText() ([]byte, error) { return []byte(balanceNames[b]), nil }

// UnmarshalText accepts what MarshalText returns.
func (b *balance) UnmarshalText(text []byte) error {
	for i, name := range balanceNames {
		if name == string(text) {
			*b = balance(i)
			return nil
		}
	}
	return fmt.Errorf("unknown (have %s)", strings.Join(balanceNames[:], ", "))
}

// picker chooses targets. It may be used by all loops at once.
type picker struct {
	targets []*target
	balance balance
	rest    time.Duration
	now     func() time.Time
	turn    atomic.Uint64 // the target that comes first
}

// next returns the target to try, and nil when all have been. Those that refused
// lately come last: they are better than nothing.
func (p *picker) next(tried []*target) *target {
	now := p.now().UnixNano()
	for {
		turn := p.turn.Load()
		i := p.pick(int(turn), tried, now)
		if i < 0 {
			return nil
		}
		// It goes on behind who was picked: counted by picks, the one behind a target
		// that is out would have the turns of both.
		if p.turn.CompareAndSwap(turn, uint64((i+1)%len(p.targets))) {
			return p.targets[i]
		}
	}
}

// pick returns which target is the best from first on, -1 if all have been tried.
func (p *picker) pick(first int, tried []*target, now int64) int {
	best, bestOut := -1, false
	for n := range p.targets {
		i := (first + n) % len(p.targets)
		t := p.targets[i]
		if contains(tried, t) {
			continue
		}
		out := t.out(now)
		switch {
		case best < 0, bestOut && !out:
			best, bestOut = i, out
		case out == bestOut && p.balance == least && t.active.Load() < p.targets[best].active.Load():
			best = i
		}
	}
	return best
}

func contains(list []*target, t *target) bool {
	for _, x := range list {
		if x == t {
			return true
		}
	}
	return false
}

// out reports whether the target is left alone now.
func (t *target) out(now int64) bool { return t.outTill.Load() > now }

// refuse notes that a target did not take a connection.
func (p *picker) refuse(t *target) {
	t.refused.Add(1)
	t.outTill.Store(p.now().Add(p.rest).UnixNano())
}
