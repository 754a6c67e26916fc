package stdnet

import (
	"strconv"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// TestHeat feeds windows, of so many active connections each.
func TestHeat(t *testing.T) {
	const window = int64(heatWindow)
	for _, tt := range []struct {
		name    string
		windows []int // active connections; -n for a gap of n windows
		hot     bool
	}{
		{"idle", []int{0, 0, 0}, false},
		{"few", []int{8, 8, 8, 8}, false},
		{"many once", []int{64, 1}, false},
		{"many", []int{64, 64}, true},
		{"between", []int{64, 64, 10, 10, 10, 10, 10, 10}, true},
		{"pause between bursts", []int{64, 64, -1000, 64, 64, -1000, 64, 64}, true},
		{"long idle", append([]int{64, 64, -1000}, make([]int, 60)...), false},
		{"trickle", []int{64, 64, -20, 1, -20, 1, -20, 1, -20, 1}, false},
		{"pauses", []int{64, 64, 0, 0, 64, 0, 0, 64}, true},
		{"spread out", []int{-10, 64, -10, 64, -10}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &heat{}
			now := window
			end := now
			for _, n := range tt.windows {
				if n < 0 {
					now += int64(-n) * window
					continue
				}
				h.active.Store(int32(n))
				h.roll(end, now)
				now += window
				end = now
			}
			require.Equal(t, tt.hot, h.hot.Load())
		})
	}
}

func TestHeatCountsAConnectionOnce(t *testing.T) {
	h := &heat{}
	h.window.Store(7)
	h.ends.Store(clock() + int64(1e12))
	var a, b uint8
	for range 5 {
		h.note(&a)
		h.note(&b)
	}
	require.EqualValues(t, 2, h.active.Load())
}

func TestNewConnectionsStayAndDoNotHeat(t *testing.T) {
	h := &home{}
	h.window.Store(7)
	h.ends.Store(clock() + int64(1e12))
	h.hot.Store(true)
	c := &conn{origin: &origin{mode: Auto, home: h}}
	for range settled {
		require.False(t, c.wantsLoop())
		c.note(1)
	}
	require.True(t, c.wantsLoop())
	require.Zero(t, h.active.Load())
	c.note(1)
	require.EqualValues(t, 1, h.active.Load())
}

// TestBulkReadsDoNotSettle: who receives much is no reason for a loop to be hot.
func TestBulkReadsDoNotSettle(t *testing.T) {
	h := &home{}
	h.ends.Store(clock() + int64(1e12))
	h.hot.Store(true)
	c := &conn{origin: &origin{mode: Auto, home: h}}
	for range 3 {
		for range settled - 1 {
			c.note(bulkRead - 1)
		}
		c.note(bulkRead)
		require.False(t, c.wantsLoop())
	}
	for range settled {
		c.note(1)
	}
	require.True(t, c.wantsLoop())
	c.moves = &moves{rest: clock() + int64(time.Hour)}
	require.False(t, c.wantsLoop(), "it left with much to carry")
	c.note(1)
	require.Zero(t, h.active.Load())
	c.moves.rest = 1
	require.True(t, c.wantsLoop())
	require.Zero(t, c.moves.rest, "the clock is not asked again")
}

// TestBulkScore: large reads or large writes make a connection one that carries much,
// alone or with small ones of the other kind between them; a few do not.
func TestBulkScore(t *testing.T) {
	for name, tt := range map[string]struct {
		read, write int
		much        bool
	}{
		"small":            {bulkRead - 1, bulkWrite - 1, false},
		"large messages":   {16 << 10, 16 << 10, true},
		"uploads":          {16 << 10, 100, true},
		"downloads":        {100, 64 << 10, true},
		"answers of a few": {100, 4 << 10, false},
	} {
		var b bulk
		for i := range 2 * bulkMost {
			require.False(t, b.much() && i < bulkMost/3, name)
			b.read(tt.read)
			b.wrote(tt.write)
		}
		require.Equal(t, tt.much, b.much(), name)
		for range bulkMost {
			b.read(1)
		}
		require.False(t, b.much(), name)
	}
}

// TestGathers: readers wait for another turn while more come, up to three quarters of
// those that were active lately.
func TestGathers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		lately int32
		turns  []int // readers there are in each
		waits  int   // of the turns
	}{
		{"few", 64, []int{7}, 0},
		{"all there are", 8, []int{8}, 0},
		{"the rest does not come", 64, []int{20, 20}, 1},
		{"most come", 64, []int{20, 40, 48}, 2},
		{"more than lately", 10, []int{20}, 0},
		{"a pause before", 1000, []int{20, 21, 21}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &home{}
			h.lately.Store(tt.lately)
			for i, n := range tt.turns {
				h.readers = make([]*ring, n)
				require.Equal(t, i < tt.waits, h.gathers(), "turn %d", i)
			}
			h.readers = make([]*ring, 20)
			require.Equal(t, tt.lately > 26, h.gathers(), "the next readers begin anew")
		})
	}
}

func TestModeText(t *testing.T) {
	for _, m := range []Mode{Auto, Loop, Poller} {
		text, err := m.MarshalText()
		require.NoError(t, err)
		var got Mode
		require.NoError(t, got.UnmarshalText(text))
		require.Equal(t, m, got)
	}
	var m Mode
	require.Error(t, m.UnmarshalText([]byte("roam")))
	require.Equal(t, "Mode(9)", Mode(9).String())
}

// TestIdleConnIsSmall: many connections are idle, each with this beside package net's.
func TestIdleConnIsSmall(t *testing.T) {
	if strconv.IntSize == 64 {
		require.LessOrEqual(t, unsafe.Sizeof(conn{}), uintptr(80))
	}
}

// TestOriginsAreShared: connections that were asked for alike have one.
func TestOriginsAreShared(t *testing.T) {
	h := &home{}
	a, b := h.origin("tcp", Auto), h.origin("tcp4", Auto)
	require.NotSame(t, a, b)
	require.NotSame(t, a, h.origin("tcp", Loop))
	require.Same(t, a, h.origin("tcp", Auto))
	require.Same(t, b, h.origin("tcp4", Auto))
	require.Equal(t, origin{h, "tcp", Auto}, *a)
}
