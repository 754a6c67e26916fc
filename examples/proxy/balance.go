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
	turn    atomic.Uint64
}

// next returns the target to try, and nil when all have been. Those that refused
// lately come last: they are better than nothing.
func (p *picker) next(tried []*target) *target {
	now := p.now().UnixNano()
	first := int((p.turn.Add(1) - 1) % uint64(len(p.targets)))
	var best *target
	bestOut := false
	for i := range p.targets {
		t := p.targets[(first+i)%len(p.targets)]
		if contains(tried, t) {
			continue
		}
		out := t.out(now)
		switch {
		case best == nil, bestOut && !out:
			best, bestOut = t, out
		case out == bestOut && p.balance == least && t.active.Load() < best.active.Load():
			best = t
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
