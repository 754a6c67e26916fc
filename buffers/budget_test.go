package buffers

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBudgetTake: all of it, or nothing.
func TestBudgetTake(t *testing.T) {
	b := NewBudget(100)
	require.True(t, b.Take(60))
	require.False(t, b.Take(41))
	require.EqualValues(t, 60, b.Used())
	require.True(t, b.Take(40))
	require.True(t, b.Take(0))
	require.False(t, b.Take(1))
	b.Give(60)
	b.Give(40)
	require.Zero(t, b.Used())
	require.True(t, NewBudget(0).Take(1<<40), "without a bound")
}
