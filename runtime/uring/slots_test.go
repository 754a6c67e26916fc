//go:build linux

package uring

import (
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/headrace/headrace/runtime/driver"
)

func TestSlotFillsACacheLine(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) == 8 {
		require.EqualValues(t, 64, unsafe.Sizeof(slot{}))
	}
}

func TestSlotIsNotFoundAfterReuse(t *testing.T) {
	var tab slots
	tab.init()
	i, s := tab.take()
	require.NotZero(t, i)
	s.op = &driver.Op{}
	old := userData(s.gen, tagOp|i)
	tab.put(i)
	again, s := tab.take()
	require.Equal(t, i, again)
	require.NotEqual(t, old, userData(s.gen, tagOp|again))
	require.Nil(t, s.op)
}

// TestSlotsModel holds the table and its lists against plain slices.
func TestSlotsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tab slots
		tab.init()
		var idle []uint32
		var lists [listCount][]uint32
		pick := func(from []uint32) int { return rapid.IntRange(0, len(from)-1).Draw(t, "at") }
		anyList := func() where {
			return where(rapid.IntRange(int(nowhere)+1, int(listCount)-1).Draw(t, "list"))
		}
		t.Repeat(map[string]func(*rapid.T){
			"take": func(*rapid.T) {
				i, s := tab.take()
				require.False(t, slices.Contains(idle, i))
				s.op = &driver.Op{}
				idle = append(idle, i)
			},
			"put": func(*rapid.T) {
				if len(idle) == 0 {
					t.Skip()
				}
				k := pick(idle)
				tab.put(idle[k])
				idle = slices.Delete(idle, k, k+1)
			},
			"putListed": func(*rapid.T) {
				w := anyList()
				if len(lists[w]) == 0 {
					t.Skip()
				}
				k := pick(lists[w])
				tab.put(lists[w][k])
				lists[w] = slices.Delete(lists[w], k, k+1)
			},
			"push": func(*rapid.T) {
				if len(idle) == 0 {
					t.Skip()
				}
				k, w := pick(idle), anyList()
				tab.push(w, idle[k])
				lists[w] = append(lists[w], idle[k])
				idle = slices.Delete(idle, k, k+1)
			},
			"pushFront": func(*rapid.T) {
				if len(idle) == 0 {
					t.Skip()
				}
				k, w := pick(idle), anyList()
				tab.pushFront(w, idle[k])
				lists[w] = slices.Insert(lists[w], 0, idle[k])
				idle = slices.Delete(idle, k, k+1)
			},
			"pop": func(*rapid.T) {
				w := anyList()
				if len(lists[w]) == 0 {
					t.Skip()
				}
				require.Equal(t, lists[w][0], tab.pop(w))
				idle = append(idle, lists[w][0])
				lists[w] = lists[w][1:]
			},
			"": func(*rapid.T) {
				used := len(idle)
				for w := range listCount {
					require.Equal(t, len(lists[w]), tab.lists[w].n)
					var got []uint32
					for i := tab.lists[w].head; i != 0; i = tab.all[i].next {
						got = append(got, i)
					}
					require.True(t, slices.Equal(lists[w], got), "%v %v", lists[w], got)
					used += len(lists[w])
				}
				require.Equal(t, used, tab.used)
			},
		})
	})
}

func TestSlotInTwoListsPanics(t *testing.T) {
	var tab slots
	tab.init()
	i, _ := tab.take()
	tab.push(inBacklog, i)
	require.Panics(t, func() { tab.push(inFiles, i) })
}
