//go:build linux

package uring

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

// TestParksWhenCold: a loop that usually waits long parks, and is told of what comes; one
// whose completions are there soon waits in the ring.
func TestParksWhenCold(t *testing.T) {
	r := newRig(t, nil)
	s, peer := r.pair()
	recv := r.submit(driver.Recv, s, nil)
	r.turn()
	for tries := 0; r.stats.Parks == 0; tries++ {
		require.Less(t, tries, 100)
		_, err := r.Poll(20 * time.Millisecond) // nothing comes
		require.NoError(t, err)
	}
	parks := r.stats.Parks

	time.AfterFunc(20*time.Millisecond, func() { _, _ = syscall.Write(peer, []byte("come")) })
	poll := func(want string) {
		for string(recv.data) != want {
			n, err := r.Poll(patience)
			require.NoError(t, err)
			require.LessOrEqual(t, n, 1)
		}
	}
	poll("come")
	require.Greater(t, r.stats.Parks, parks)

	for range 1000 { // as after many waits that were none
		r.waits.Tell(0)
	}
	parks = r.stats.Parks
	time.AfterFunc(5*time.Millisecond, func() { _, _ = syscall.Write(peer, []byte(" again")) })
	poll("come again")
	require.Equal(t, parks, r.stats.Parks)
	require.False(t, r.ring.CQEventFDEnabled(), "completions are told of while the loop is parked")
	r.close(s)
}
