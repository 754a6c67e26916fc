//go:build linux

package epoll

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWakerStates(t *testing.T) {
	l := open(t, nil)
	w := &l.wake
	require.True(t, w.sleep())
	w.Wake()
	w.Wake()
	require.EqualValues(t, 1, w.writes.Load(), "two calls, one write")
	require.True(t, w.rise())
	require.False(t, w.rise(), "told once")
	w.Wake()
	require.EqualValues(t, 1, w.writes.Load(), "nobody sleeps, nothing to write")
	require.False(t, w.sleep(), "called before it slept")
	require.True(t, w.sleep())
	require.False(t, w.rise())
}

// TestWakeFromMany has several goroutines hand over work, each piece with a Wake.
// One that is lost leaves the loop asleep for ever.
func TestWakeFromMany(t *testing.T) {
	for _, parks := range []bool{false, true} {
		t.Run(fmt.Sprintf("parks %v", parks), func(t *testing.T) {
			l := open(t, nil)
			l.netpoll.waits.Always = parks
			wakeFromMany(t, l)
		})
	}
}

func wakeFromMany(t *testing.T, l *loop) {
	const callers, each = 4, 2000
	var mu sync.Mutex
	posted, taken := 0, 0
	for range callers {
		go func() {
			for range each {
				mu.Lock()
				posted++
				mu.Unlock()
				l.Wake()
			}
		}()
	}
	end := time.Now().Add(patience)
	for taken < callers*each {
		require.True(t, time.Now().Before(end))
		_, err := l.Poll(time.Until(end))
		require.NoError(t, err)
		mu.Lock()
		taken += posted
		posted = 0
		mu.Unlock()
	}
}

// TestWakeAgainstClose: the descriptor must not be written once it is closed.
func TestWakeAgainstClose(t *testing.T) {
	for range 50 {
		l := open(t, nil)
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				for range 100 {
					l.Wake()
				}
			})
		}
		_, err := l.Poll(time.Millisecond)
		require.NoError(t, err)
		require.NoError(t, l.Close())
		group.Wait()
		require.Equal(t, ended, l.wake.state.Load())
	}
}
