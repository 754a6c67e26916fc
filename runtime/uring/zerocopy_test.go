//go:build linux

package uring

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRoutesThatCopy: one socket's report counts for all on the same way, for a while,
// and the memory of it is bounded.
func TestRoutesThatCopy(t *testing.T) {
	var r routes
	now := time.Now()
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	require.False(t, r.known(a, now))
	r.add(a, now)
	require.True(t, r.known(a, now.Add(routeMemory)))
	require.False(t, r.known(b, now))
	require.False(t, r.known(a, now.Add(routeMemory+1)))
	require.Empty(t, r)
	for i := range 3 * maxRoutes {
		r.add(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), now)
		require.LessOrEqual(t, len(r), maxRoutes)
	}
}
