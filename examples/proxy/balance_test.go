package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func targets(t *testing.T, names ...string) targetList {
	t.Helper()
	var l targetList
	for _, name := range names {
		require.NoError(t, l.Set(name))
	}
	return l
}

func TestTargets(t *testing.T) {
	l := targets(t, "127.0.0.1:80", "[::1]:81", "unix:/tmp/s")
	require.Equal(t, "127.0.0.1:80,[::1]:81,unix:/tmp/s", l.String())
	require.Equal(t, "unix", l[2].network)
	require.Equal(t, "/tmp/s", l[2].address)
	for _, bad := range []string{"", "localhost", "unix:", "::1:80"} {
		require.Error(t, l.Set(bad), bad)
	}
}

func TestRoundRobin(t *testing.T) {
	p := picker{targets: targets(t, "a:1", "b:1", "c:1"), now: time.Now}
	var got string
	for range 7 {
		got += p.next(nil).name[:1]
	}
	require.Equal(t, "abcabca", got)
}

// TestRoundRobinBesideOut: the turns of who is left alone, or refuses each time, do not all
// fall to the one behind it.
func TestRoundRobinBesideOut(t *testing.T) {
	for _, b := range []balance{roundRobin, least} {
		for _, rest := range []time.Duration{time.Hour, 0} {
			now := time.Unix(1000, 0)
			p := picker{targets: targets(t, "a:1", "b:1", "c:1", "d:1"), balance: b, rest: rest,
				now: func() time.Time { return now }}
			picks := map[string]int{}
			for range 1200 {
				to := p.next(nil)
				if to == p.targets[0] {
					p.refuse(to)
					to = p.next(p.targets[:1])
				}
				picks[to.name]++
			}
			require.Equal(t, map[string]int{"b:1": 400, "c:1": 400, "d:1": 400}, picks)
		}
	}
}

func TestLeast(t *testing.T) {
	p := picker{targets: targets(t, "a:1", "b:1", "c:1"), balance: least, now: time.Now}
	p.targets[0].active.Store(2)
	p.targets[1].active.Store(1)
	p.targets[2].active.Store(3)
	for range 5 {
		require.Equal(t, "b:1", p.next(nil).name)
	}
}

// TestRefused: who refused comes last until its rest is over, in either balance.
func TestRefused(t *testing.T) {
	for _, b := range []balance{roundRobin, least} {
		now := time.Unix(1000, 0)
		p := picker{targets: targets(t, "a:1", "b:1"), balance: b, rest: time.Second, now: func() time.Time { return now }}
		a := p.targets[0]
		p.targets[1].active.Store(5) // a would be next by its connections
		p.refuse(a)
		for range 4 {
			require.Equal(t, "b:1", p.next(nil).name)
		}
		require.Equal(t, a, p.next([]*target{p.targets[1]})) // better than nothing
		require.Nil(t, p.next(p.targets))
		now = now.Add(time.Second)
		seen := map[string]bool{}
		for range 2 {
			seen[p.next(nil).name] = true
		}
		require.True(t, seen["a:1"])
	}
}
