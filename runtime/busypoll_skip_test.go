package runtime

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBusyPollSkips: a loop that looks in vain does so ever less often, and one that
// finds something looks before every sleep.
func TestBusyPollSkips(t *testing.T) {
	looks := func(b *busyPoll, waits int, after func()) (n int) {
		for range waits {
			if !b.leaveOut() {
				n++
				after()
			}
		}
		return n
	}
	var b busyPoll
	require.Equal(t, 3, looks(&b, 5, b.inVain), "waits 1, 2 and 4")
	require.LessOrEqual(t, looks(&b, 64_000, b.inVain), 1010)
	looks(&b, maxSkips, b.found)
	require.Equal(t, 100, looks(&b, 100, b.found))
}
