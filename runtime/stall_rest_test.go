package runtime

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestStallGuardRests: nothing ticks in an idle runtime, and the guard is there when a
// callback holds a loop after all.
func TestStallGuardRests(t *testing.T) {
	stalled := make(chan int, 1)
	rt, err := New(&Config{Loops: 2, StallThreshold: 4 * time.Millisecond, Hooks: Hooks{
		Stalled: func(loop int, _ time.Duration, _ string) { stalled <- loop },
	}})
	require.NoError(t, err)
	defer rt.Close()
	for range 3 {
		require.Eventually(t, rt.guard.rests.Load, time.Minute, time.Millisecond)
		release := make(chan struct{})
		require.NoError(t, rt.loops[1].Post(func() { <-release }))
		require.Equal(t, 1, <-stalled)
		close(release)
	}
}
