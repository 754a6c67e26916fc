package buffers

import "testing"

func newBenchPool(b *testing.B) *Pool {
	p, err := NewPool(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := p.Close(); err != nil {
			b.Fatal(err)
		}
	})
	b.ReportAllocs()
	return p
}

func BenchmarkGetRelease(b *testing.B) {
	p := newBenchPool(b)
	for b.Loop() {
		p.Get(1500).Release()
	}
}

func BenchmarkLendChunkRelease(b *testing.B) {
	p := newBenchPool(b)
	for b.Loop() {
		blk, _ := p.Lend(1)
		p.Chunk(blk, 1500).Release()
	}
}
