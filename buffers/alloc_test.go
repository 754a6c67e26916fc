package buffers

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	if invariants {
		t.Skip("the invariants build never recycles a node")
	}
	p := newPool(t, nil)
	text := pattern(1500)
	var sendQueue Chain
	defer sendQueue.Release()
	tests := []struct {
		name string
		op   func()
	}{
		{"Get, Release", func() { p.Get(1500).Release() }},
		{"Lend, Chunk, Release", func() {
			b, _ := p.Lend(0)
			p.Chunk(b, 100).Release()
		}},
		{"LendN, Share, Unlend", func() {
			var b [4]Block
			p.LendN(0, b[:])
			for i := range b {
				c := p.Share(b[i], 0, 100)
				p.Unlend(b[i])
				c.Release()
			}
		}},
		{"Slice", func() {
			c := p.Get(1)
			c.Extend(100)
			v := c.Slice(10, 20)
			c.Release()
			v.Release()
		}},
		{"Append, Discard, TakeAll", func() {
			for range 4 {
				c := p.Get(100)
				c.Extend(100)
				sendQueue.Append(c)
			}
			sendQueue.Discard(50)
			sendQueue.Discard(200)
			all := sendQueue.TakeAll()
			all.Release()
		}},
		{"AppendCopy, Peek, Index, Split, Read", func() {
			sendQueue.AppendCopy(p, text)
			sendQueue.AppendCopy(p, text)
			sendQueue.Peek(2500)
			sendQueue.Index([]byte("0123"))
			front := sendQueue.Split(1000)
			front.Release()
			var b [256]byte
			for sendQueue.Len() > 0 {
				_, _ = sendQueue.Read(b[:])
			}
		}},
		{"All, Next", func() {
			c := p.Get(1)
			c.Extend(1)
			sendQueue.Append(c)
			n := 0
			for c := range sendQueue.All() {
				n += c.Len()
			}
			for c := sendQueue.Front(); c != nil; c = c.Next() {
				n += c.Len()
			}
			sendQueue.Release()
		}},
	}
	for _, tt := range tests {
		require.Zero(t, testing.AllocsPerRun(100, tt.op), tt.name)
	}
}
