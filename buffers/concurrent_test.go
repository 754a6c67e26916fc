package buffers

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A loop gets chunks and hands views of each to several goroutines; nobody
// knows who is last. Everything must come back, every view must see its bytes
// until its own release.
func TestViewsAreReleasedFromAnyGoroutine(t *testing.T) {
	const workers, rounds = 4, 2000
	p := newPool(t, &Config{BlockSizes: []int{64, 256}, SegmentSize: 16 << 10})
	queues := make([]chan *Chunk, workers)
	var wg sync.WaitGroup
	var wrong atomic.Int32
	for i := range queues {
		queues[i] = make(chan *Chunk, 16)
		wg.Go(func() {
			for c := range queues[i] {
				v := c.Slice(0, 1)
				c.Release()
				if v.Bytes()[0] != byte(i) {
					wrong.Add(1)
				}
				v.Release()
			}
		})
	}
	for range rounds {
		c := p.Get(workers)
		for i := range workers {
			c.Room()[i] = byte(i)
		}
		c.Extend(workers)
		for i := range queues {
			queues[i] <- c.Slice(i, i+1)
		}
		c.Release()
	}
	for i := range queues {
		close(queues[i])
	}
	wg.Wait()
	require.Zero(t, wrong.Load())
	require.Zero(t, inUse(p))
	require.Zero(t, p.Stats().Chunks)
}

// Room is asked for while other views are being released: it appears with the
// last of them and its bytes are then nobody else's.
func TestRoomAppearsWithTheLastRelease(t *testing.T) {
	p := smallPool(t)
	for range 500 {
		c := filled(t, p, "head")
		v := c.Slice(0, 2)
		var wg sync.WaitGroup
		wg.Go(v.Release)
		if room := c.Room(); room != nil {
			room[0] = '!'
			c.Extend(1)
		}
		wg.Wait()
		require.NotNil(t, c.Room())
		c.Release()
	}
}

// Many goroutines get, lend, trim, read stats and release at once, under a
// budget that fails some of them.
func TestPoolUnderConcurrentUse(t *testing.T) {
	budget := NewBudget(256 << 10)
	p := newPool(t, &Config{BlockSizes: []int{4096, 16384}, SegmentSize: 64 << 10, Budget: budget})
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			var h Chain
			for j := range 400 {
				switch (i + j) % 5 {
				case 0:
					if b, ok := p.Lend(j % 2); ok {
						h.Append(p.Chunk(b, 100))
					}
				case 1:
					if b, ok := p.Lend(0); ok {
						p.Unlend(b)
					}
				case 2:
					front := h.Split(h.Len() / 2)
					front.Release()
				case 3:
					if j%40 == 3 {
						p.Trim()
						p.Stats()
					}
				default:
					h.AppendCopy(p, pattern(5000))
				}
				if h.Held() > 200<<10 {
					h.Release()
				}
			}
			h.Release()
		})
	}
	wg.Wait()
	require.Zero(t, inUse(p))
	require.LessOrEqual(t, budget.Used(), budget.Max())
	p.Trim()
	require.Zero(t, budget.Used())
}

func TestCloseWhileOthersRelease(t *testing.T) {
	for range 50 {
		budget := NewBudget(0)
		p, err := NewPool(&Config{Budget: budget})
		require.NoError(t, err)
		var wg sync.WaitGroup
		for i := range 4 {
			c := filled(t, p, "x")
			v := c.Slice(0, 1)
			wg.Go(c.Release)
			if i%2 == 0 {
				wg.Go(v.Release)
			} else {
				var h Chain
				h.Append(v)
				wg.Go(h.Release)
			}
		}
		if err := p.Close(); err != nil {
			var leak *LeakError
			require.ErrorAs(t, err, &leak)
		}
		wg.Wait()
		require.NoError(t, p.Close())
		require.Zero(t, budget.Used())
	}
}
