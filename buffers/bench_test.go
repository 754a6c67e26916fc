package buffers

import (
	"testing"
)

func newBenchPool(b *testing.B) *Pool {
	p := newPool(b, nil)
	b.ReportAllocs()
	return p
}

func BenchmarkGetRelease(b *testing.B) {
	p := newBenchPool(b)
	for b.Loop() {
		p.Get(1500).Release()
	}
}

// Every goroutine at once on one pool, which a loop's pool never sees.
func BenchmarkGetReleaseContended(b *testing.B) {
	p := newBenchPool(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p.Get(1500).Release()
		}
	})
}

// What one message costs the io_uring engine: the kernel filled a lent block,
// the program releases the chunk, another block is lent in its place.
func BenchmarkLendChunkRelease(b *testing.B) {
	p := newBenchPool(b)
	for b.Loop() {
		blk, _ := p.Lend(1)
		p.Chunk(blk, 1500).Release()
	}
}

// The same with the loans of a batch of 64 taken under one lock.
func BenchmarkLendNChunkRelease(b *testing.B) {
	p := newBenchPool(b)
	var blocks [64]Block
	i := 0
	for b.Loop() {
		if i == 0 {
			p.LendN(1, blocks[:])
		}
		p.Chunk(blocks[i], 1500).Release()
		i = (i + 1) % len(blocks)
	}
	for ; i > 0 && i < len(blocks); i++ {
		p.Unlend(blocks[i])
	}
}

func BenchmarkSliceRelease(b *testing.B) {
	p := newBenchPool(b)
	c := p.Get(1500)
	c.Extend(1500)
	defer c.Release()
	for b.Loop() {
		c.Slice(100, 200).Release()
	}
}

func BenchmarkWrapRelease(b *testing.B) {
	b.ReportAllocs()
	mem := make([]byte, 64<<10)
	for b.Loop() {
		Wrap(mem, nil).Release()
	}
}

// One message echoed: received, queued, partly sent, sent.
func BenchmarkChainAppendDiscard(b *testing.B) {
	p := newBenchPool(b)
	var h Chain
	for b.Loop() {
		c := p.Get(1500)
		c.Extend(1500)
		h.Append(c)
		h.Discard(700)
		h.Discard(800)
	}
}

// Sixteen chunks released with one lock; per chain.
func BenchmarkChainRelease16(b *testing.B) {
	p := newBenchPool(b)
	var h Chain
	for b.Loop() {
		for range 16 {
			h.Append(p.Get(1500))
		}
		h.Release()
	}
}

func BenchmarkChainSplit(b *testing.B) {
	p := newBenchPool(b)
	var h Chain
	defer h.Release()
	for b.Loop() {
		if h.Len() < 100 {
			h.Release()
			h.AppendCopy(p, make([]byte, 1500))
		}
		front := h.Split(100)
		front.Release()
	}
}

// Small pieces coalesced into one chunk; per piece of 64 bytes.
func BenchmarkChainAppendCopy(b *testing.B) {
	p := newBenchPool(b)
	var piece [64]byte
	var h Chain
	defer h.Release()
	for b.Loop() {
		h.AppendCopy(p, piece[:])
		if h.Len() > 16<<10 {
			h.Release()
		}
	}
}

func BenchmarkChainIndex(b *testing.B) {
	p := newBenchPool(b)
	var h Chain
	defer h.Release()
	for range 4 {
		h.Append(filled(b, p, string(pattern(500))))
	}
	h.AppendCopy(p, []byte("\r\n\r\n"))
	sep := []byte("\r\n\r\n")
	for b.Loop() {
		if h.Index(sep) != 2000 {
			b.Fatal("not found")
		}
	}
}
