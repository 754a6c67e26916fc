//go:build linux

package uring

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestParksWhenCold: a loop whose waits are usually long parks, one whose completions are
// there soon waits in the ring. TestContractParked is about what comes to a parked one.
func TestParksWhenCold(t *testing.T) {
	r := newRig(t, nil)
	for tries := 0; r.stats.Parks == 0; tries++ {
		require.Less(t, tries, 100)
		_, err := r.Poll(20 * time.Millisecond) // nothing comes
		require.NoError(t, err)
	}
	for range 1000 { // as after many waits that were none
		r.waits.Tell(0)
	}
	parks := r.stats.Parks
	require.NoError(t, r.waitLong(time.Millisecond))
	require.Equal(t, parks, r.stats.Parks)
	require.False(t, r.ring.CQEventFDEnabled(), "completions are told of only while the loop is parked")
}
