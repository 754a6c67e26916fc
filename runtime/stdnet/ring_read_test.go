package stdnet

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/headrace/headrace/buffers"
)

// TestTakeKeepsTheOrder has pieces of all sizes come while a Read waits, as in a turn
// in which it does not get to run.
func TestTakeKeepsTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pool, err := buffers.NewPool(nil)
		require.NoError(t, err)
		r := &ring{dst: make([]byte, rapid.IntRange(1, 2*smallPiece).Draw(t, "read"))}
		dst := r.dst
		pieces := rapid.SliceOfN(rapid.SampledFrom([]int{1, 100, smallPiece, smallPiece + 1, 20_000}), 1, 8).Draw(t, "pieces")
		var want []byte
		for i, size := range pieces {
			piece := make([]byte, size)
			for k := range piece {
				piece[k] = byte(i + k)
			}
			want = append(want, piece...)
			var in buffers.Chain
			require.Equal(t, size, in.AppendCopy(pool, piece))
			r.take(pool, &in)
			require.Zero(t, in.Chunks())
		}
		require.Equal(t, want, append(dst[:r.got:r.got], r.in.Bytes()...))
		r.in.Release()
		require.NoError(t, pool.Close())
	})
}
