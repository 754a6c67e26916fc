package buffers

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReserve(t *testing.T) {
	p, err := NewPool(nil)
	require.NoError(t, err)
	var h Chain
	room := h.Reserve(p, 10)
	require.GreaterOrEqual(t, len(room), 10)
	h.Extend(copy(room, "headrace"))
	require.Equal(t, 1, h.Chunks())

	h.Extend(copy(h.Reserve(p, 5), "12345"))
	require.Equal(t, 1, h.Chunks(), "the room of the last chunk was enough")

	big := h.Reserve(p, h.Tail().Cap())
	require.Equal(t, 2, h.Chunks())
	h.Extend(copy(big, bytes.Repeat([]byte("x"), 3)))
	require.Equal(t, "headrace12345xxx", string(h.Bytes()))
	h.Release()
	require.NoError(t, p.Close())
}

func TestReserveBudgetSpent(t *testing.T) {
	p, err := NewPool(&Config{Budget: NewBudget(1)})
	require.NoError(t, err)
	var h Chain
	require.Nil(t, h.Reserve(p, 1))
	require.Zero(t, h.Chunks())
	require.NoError(t, p.Close())
}

// What can not be had, or is not much, does not add a chunk with each call.
func TestReserveDoesNotStackUpChunks(t *testing.T) {
	for _, n := range []int{-1, 0, 1, 64 << 10, 64<<10 + 1, 1 << 30} {
		p := newPool(t, nil)
		var h Chain
		want := len(h.Reserve(p, n))
		require.NotZero(t, want)
		for range 10 {
			require.Len(t, h.Reserve(p, n), want, n)
		}
		require.Equal(t, 1, h.Chunks(), n)
		h.Release()
	}
	p := newPool(t, nil)
	var h Chain
	h.Extend(copy(h.Reserve(p, 64<<10), "x"))
	require.Len(t, h.Reserve(p, 1<<20), 64<<10, "the room of a whole block")
	require.Equal(t, 2, h.Chunks())
	h.Extend(64 << 10)
	require.NotEmpty(t, h.Reserve(p, 0), "any room is not none")
	require.Equal(t, 3, h.Chunks())
	h.Release()
}
