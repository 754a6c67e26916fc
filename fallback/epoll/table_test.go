//go:build linux

package epoll

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/headrace/headrace/runtime/driver"
)

func TestTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tab table[int]
		taken := map[uint32]int{}
		for n := range rapid.IntRange(1, 300).Draw(t, "steps") {
			if len(taken) > 0 && rapid.IntRange(0, 2).Draw(t, "give") == 0 {
				keys := make([]uint32, 0, len(taken))
				for i := range taken {
					keys = append(keys, i)
				}
				slices.Sort(keys)
				i := rapid.SampledFrom(keys).Draw(t, "index")
				delete(taken, i)
				tab.give(i)
				continue
			}
			i, p := tab.take()
			require.NotContains(t, taken, i)
			require.True(t, tab.has(i))
			*p = n
			taken[i] = n
		}
		for i, n := range taken {
			require.Equal(t, n, *tab.at(i))
		}
		require.False(t, tab.has(tab.len()))
		require.False(t, tab.has(none))
	})
}

func TestFIFO(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q fifo
		var want []ref
		for n := range rapid.IntRange(1, 200).Draw(t, "steps") {
			if len(want) > 0 && rapid.Bool().Draw(t, "pop") {
				require.Equal(t, want[0], q.pop())
				want = want[1:]
			} else {
				r := ref{uint32(n), 1}
				q.push(r)
				want = append(want, r)
			}
			require.Equal(t, len(want), q.len())
		}
	})
}

func TestQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var e engine
		q := queue{head: none, tail: none}
		var want []uint32
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			if len(want) > 0 && rapid.Bool().Draw(t, "unlink") {
				i := rapid.IntRange(0, len(want)-1).Draw(t, "index")
				require.True(t, e.unlink(&q, want[i]))
				require.False(t, e.unlink(&q, want[i]))
				want = slices.Delete(want, i, i+1)
			} else {
				slot := e.open(&driver.Op{})
				e.push(&q, slot)
				want = append(want, slot)
			}
			var got []uint32
			for at := q.head; at != none; at = e.records.at(at).next {
				got = append(got, at)
			}
			require.Equal(t, len(want), len(got))
			require.True(t, slices.Equal(want, got))
			require.Equal(t, len(want) == 0, q.empty())
			if len(want) > 0 {
				require.Equal(t, want[len(want)-1], q.tail)
			}
		}
	})
}
