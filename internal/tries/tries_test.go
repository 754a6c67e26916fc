package tries

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSkips: tries in vain become ever rarer, and one that pays is followed by all.
func TestSkips(t *testing.T) {
	made := func(s *Skips, chances int, paid bool) (n int) {
		for range chances {
			if !s.LeaveOut() {
				n++
				s.Tell(paid)
			}
		}
		return n
	}
	var s Skips
	require.Equal(t, 3, made(&s, 5, false), "chances 1, 2 and 4")
	require.LessOrEqual(t, made(&s, 64_000, false), 1010)
	made(&s, maxSkips, true)
	require.Equal(t, 100, made(&s, 100, true))
}
