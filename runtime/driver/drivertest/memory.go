package drivertest

import (
	"io"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

var memoryTests = []test{
	{name: "memory/pauses and resumes", stream: testMemoryPauses},
	{name: "memory/released elsewhere", once: testMemoryElsewhere},
	{name: "memory/cancel and close", stream: testMemoryCancel},
	{name: "memory/fair", stream: testMemoryFair},
	{name: "memory/idle connections", once: testMemoryIdle},
}

const smallBlock, smallBlocks = 4096, 32

// small returns a harness whose pool has few blocks.
func (h *harness) small() *harness {
	return h.reopen(&buffers.Config{
		BlockSizes:  []int{smallBlock},
		SegmentSize: smallBlock * smallBlocks,
		Budget:      buffers.NewBudget(smallBlock * smallBlocks),
	}, func(cfg *driver.Config) {
		cfg.RecvBuffers, cfg.RecvBufferSize = 8, smallBlock
	})
}

// hoard receives on s until the pool has nothing left.
func (h *harness) hoard(s driver.Socket) *call {
	r := h.recv(s)
	last := -1
	for quiet := 0; quiet < 20; {
		if h.poll(time.Millisecond); r.n == last {
			quiet++
		} else {
			quiet, last = 0, r.n
		}
	}
	require.False(h.t, r.final, "%v", r)
	require.LessOrEqual(h.t, r.n, smallBlock*smallBlocks)
	return r
}

// testMemoryPauses has a receiver that keeps what it gets until all blocks are
// out. Another socket can still send; and all goes on when chunks come back.
func testMemoryPauses(h *harness, k kind) {
	h = h.small()
	s, p := h.pair(k)
	other, q := h.pair(k)
	const total = 1 << 20
	w := h.spawn("peer writes", func() error {
		if err := writeStream(p, total); err != nil {
			return err
		}
		return p.closeWrite()
	})
	r := h.hoard(s)
	h.send(other, data(0, 1000)).wait()
	require.NoError(h.t, readStream(q, 0, 1000))
	require.NoError(h.t, readStream(&r.chain, 0, int64(r.chain.Len())))
	r.check = &stream{int64(r.n)} // and releases at once
	r.wait()
	require.Equal(h.t, io.EOF, r.err)
	require.Equal(h.t, total, r.n)
	h.join(w)
	h.recvAll(other, q, 100_000)
}

// testMemoryElsewhere releases the chunks from another goroutine, which does not
// wake the engine.
func testMemoryElsewhere(h *harness) {
	h = h.small()
	s, p := h.pair(tcp4)
	w := h.spawn("peer writes", func() error { return writeStream(p, 1<<20) })
	r := h.hoard(s)
	before := r.n
	kept := r.chain.TakeAll()
	time.AfterFunc(20*time.Millisecond, kept.Release) // inside Poll, most likely
	h.until("more bytes", func() bool { return r.n > before || r.final })
	require.False(h.t, r.final, "%v", r)
	r.chain.Release()
	r.check = &stream{int64(r.n)}
	h.until("the rest", func() bool { return r.n == 1<<20 || r.final })
	h.join(w)
}

// testMemoryCancel: who waits for memory can be cancelled, and then loses nothing.
func testMemoryCancel(h *harness, k kind) {
	h = h.small()
	s, p := h.pair(k)
	const total = 1 << 20
	w := h.spawn("peer writes", func() error { return writeStream(p, total) })
	r := h.hoard(s)
	waiting, q := h.pair(k)
	require.NoError(h.t, writeStream(q, 1000))
	rw := h.recv(waiting)
	h.settle()
	require.Equal(h.t, driver.ErrCanceled, rw.cancel().err)
	require.Equal(h.t, driver.ErrCanceled, r.cancel().err)

	buf := make([]byte, 1000-rw.n)
	if len(buf) > 0 {
		require.NoError(h.t, h.recvInto(waiting, buf, true).wait().err, "needs no memory of the pool")
		require.NoError(h.t, (&stream{int64(rw.n)}).verify(buf))
	}
	closing, _ := h.pair(k)
	rc := h.recv(closing)
	h.settle()
	h.close(closing)
	require.Equal(h.t, driver.ErrCanceled, rc.err)

	require.NoError(h.t, readStream(&r.chain, 0, int64(r.chain.Len())))
	r.check = &stream{int64(r.n)}
	r.submit()
	h.until("the rest", func() bool { return r.check.off == total || r.final })
	h.join(w)
}

// testMemoryFair has one socket that takes all it can get and one that asks for
// little: that one is served meanwhile.
func testMemoryFair(h *harness, k kind) {
	h = h.small()
	greedy, p := h.pair(k)
	modest, q := h.accepted(k)
	stop := make(chan struct{})
	w := h.spawn("peer writes", func() error {
		buf := data(0, period)
		for {
			select {
			case <-stop:
				return p.closeWrite()
			default:
				if _, err := p.Write(buf); err != nil {
					return err
				}
			}
		}
	})
	g := h.recvStream(greedy, 0)
	h.echo(modest, nil)
	for i := range int64(100) {
		_, err := q.Write(data(i*10, 10))
		require.NoError(h.t, err)
		read := h.spawn("peer reads", func() error { return readStream(q, i*10, 10) })
		h.join(read)
	}
	require.False(h.t, g.final, "%v", g)
	close(stop)
	require.Equal(h.t, io.EOF, g.wait().err)
	h.join(w)
}

// testMemoryIdle has more connections that wait than there are blocks.
func testMemoryIdle(h *harness) {
	h = h.small()
	var all []*call
	var peers []*peer
	for range 2 * smallBlocks {
		s, p := h.pair(tcp4)
		all, peers = append(all, h.recvStream(s, 0)), append(peers, p)
	}
	for round := 1; round <= 3; round++ {
		for i, r := range all {
			_, err := peers[i].Write(data(int64(r.n), smallBlock))
			require.NoError(h.t, err)
			h.until("bytes", func() bool { return r.n == round*smallBlock || r.final })
			require.False(h.t, r.final, "%v", r)
		}
	}
}
