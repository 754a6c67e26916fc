package crowd

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// day is a loop's time: every tick it moves a piece for some sockets of many, and the loop sleeps
// for a part of it.
type day struct {
	Crowd
	marks []uint8
	piece int
	clock time.Time
	next  int
}

func newDay(sockets int) *day {
	d := &day{marks: make([]uint8, sockets), clock: time.Unix(1, 0)}
	d.Patience = time.Millisecond
	return d
}

// pass lets a window and a bit go by. It returns the batch that was asked for last.
func (d *day) pass(heard int, sleeps float64) (batch int) {
	const ticks = 11
	for range ticks {
		for range heard {
			d.Moved(&d.marks[d.next%len(d.marks)], d.piece)
			d.next++
		}
		d.clock = d.clock.Add(window / (ticks - 1))
		d.Slept(time.Duration(sleeps * float64(window/(ticks-1))))
		batch = d.Batch(d.clock)
	}
	return batch
}

func TestBatch(t *testing.T) {
	const large, small = piece, piece - 1
	for name, c := range map[string]struct {
		sockets, heard, piece int
		sleeps                float64
		batch                 int
	}{
		"nobody":                              {100, 0, small, 0.5, 0},
		"few, often":                          {few - 1, 1000, small, 0.5, 0},
		"enough":                              {few, 100, small, 0.5, few / part},
		"few streams":                         {fewStreams - 1, 100, large, 0.5, 0},
		"enough streams":                      {fewStreams, 100, large, 0.5, fewStreams / part},
		"a hundred":                           {100, 100, small, 0.5, 100 / part},
		"a crowd":                             {5000, 1000, small, 0.5, most},
		"a crowd of which few have something": {5000, 1, small, 0.5, 0},
		"time to spare":                       {100, 100, small, 0.9, 0},
		"always busy":                         {100, 100, small, 0, 100 / part},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDay(c.sockets)
			d.piece = c.piece
			d.pass(c.heard, c.sleeps)
			require.Equal(t, c.batch, d.pass(c.heard, c.sleeps))
		})
	}
}

func TestBatchEndsWithTheCrowd(t *testing.T) {
	d := newDay(100)
	d.pass(100, 0.5)
	require.NotZero(t, d.pass(100, 0.5))
	d.pass(0, 0.5)
	require.Zero(t, d.pass(0, 0.5))

	d.pass(100, 0.5)
	require.NotZero(t, d.pass(100, 0.5))
	d.clock = d.clock.Add(time.Second) // in which nothing came
	require.Zero(t, d.Batch(d.clock), "a hundred in a second are not a hundred at once")
}

// TestBatchInVain: who waits for a batch in vain does so ever less often.
func TestBatchInVain(t *testing.T) {
	d := newDay(100)
	d.pass(100, 0.5)
	d.pass(100, 0.5)
	gathers := func(got int) (n int) {
		for range 1000 {
			if d.Batch(d.clock) != 0 {
				d.Gathered(got)
				n++
			}
		}
		return n
	}
	require.Equal(t, 1000, gathers(pays))
	require.Less(t, gathers(pays-1), 30)
}

func TestMay(t *testing.T) {
	const forEver = -1
	d := newDay(100)
	require.False(t, d.May(forEver), "nothing was moved")
	d.pass(100, 0.5)
	require.True(t, d.May(forEver))
	require.True(t, d.May(d.Patience+1))
	require.False(t, d.May(d.Patience))
	require.False(t, d.May(0))
	d.Patience = 0
	require.False(t, d.May(forEver))

	d = newDay(100)
	d.Always = true
	require.True(t, d.May(forEver))
	require.NotZero(t, d.Batch(d.clock))
	d.Patience = 0
	require.False(t, d.May(forEver))
}
