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
