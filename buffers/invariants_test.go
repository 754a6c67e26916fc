//go:build invariants

package buffers

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// panicOf returns what f panics with, as text.
func panicOf(t *testing.T, f func()) (msg string) {
	t.Helper()
	defer func() {
		r := recover()
		require.NotNil(t, r, "no panic")
		msg = fmt.Sprint(r)
	}()
	f()
	return ""
}

//go:noinline
func releasedHere(c *Chunk) { c.Release() }

//go:noinline
func takenHere(p *Pool) *Chunk { return p.Get(1) }

func TestEveryUseAfterReleaseNamesTheRelease(t *testing.T) {
	p := smallPool(t)
	fromPool := filled(t, p, "x")
	viewed := filled(t, p, "x")
	view := viewed.Slice(0, 1)
	wrapped := Wrap([]byte("x"), nil)
	for _, c := range []*Chunk{fromPool, view, viewed, wrapped} {
		releasedHere(c)
		again := filled(t, p, "y") // takes the block, never the node
		for name, use := range map[string]func(){
			"Bytes":     func() { c.Bytes() },
			"Len":       func() { c.Len() },
			"Cap":       func() { c.Cap() },
			"Room":      func() { c.Room() },
			"Extend":    func() { c.Extend(0) },
			"Slice":     func() { c.Slice(0, 0) },
			"TrimFront": func() { c.TrimFront(0) },
			"TrimBack":  func() { c.TrimBack(0) },
			"SegmentOf": func() { p.SegmentOf(c) },
			"Next":      func() { c.Next() },
			"Release":   func() { c.Release() },
			"Append":    func() { new(Chain).Append(c) },
			"Prepend":   func() { new(Chain).Prepend(c) },
		} {
			msg := panicOf(t, use)
			require.Contains(t, msg, name)
			require.Contains(t, msg, "releasedHere")
		}
		again.Release()
	}
}

func TestReleasedBlocksArePoisoned(t *testing.T) {
	p := smallPool(t)
	c := filled(t, p, "secret")
	stale := c.Bytes()
	c.Release()
	for _, b := range stale {
		require.Equal(t, byte(poisonByte), b)
	}
}

func TestWriteAfterReleaseIsFoundOnReuse(t *testing.T) {
	for name, reuse := range map[string]func(*Pool){
		"Get":  func(p *Pool) { p.Get(1) },
		"Lend": func(p *Pool) { p.Lend(0) },
	} {
		t.Run(name, func(t *testing.T) {
			p, err := NewPool(nil)
			require.NoError(t, err)
			c := p.Get(1)
			stale := c.Room()
			releasedHere(c)
			stale[17] = 'x'
			msg := panicOf(t, func() { reuse(p) })
			require.Contains(t, msg, "byte 17 of a block of 2048 was written (0x78) after its release")
			require.Contains(t, msg, "releasedHere")
			require.Error(t, p.Close())
		})
	}
}

func TestKernelWriteAfterUnlendIsFound(t *testing.T) {
	p, err := NewPool(nil)
	require.NoError(t, err)
	b, _ := p.Lend(0)
	p.Unlend(b)
	fill(b, 2047, "x")
	require.Contains(t, panicOf(t, func() { p.Get(1) }), "byte 2047")
	_ = p.Close()
}

func TestLeakErrorNamesTheOwners(t *testing.T) {
	p, err := NewPool(nil)
	require.NoError(t, err)
	c := takenHere(p)
	p.Get(1).Release()
	var leak *LeakError
	require.ErrorAs(t, p.Close(), &leak)
	require.Len(t, leak.Stacks, 1)
	require.Contains(t, leak.Error(), "takenHere")
	c.Release()
	require.NoError(t, p.Close())
}

func TestZeroHoldsInThisBuildToo(t *testing.T) {
	p := newPool(t, &Config{Zero: true})
	p.Get(1).Release()
	b, _ := p.Lend(0)
	require.Equal(t, make([]byte, b.Size), unsafe.Slice((*byte)(b.Addr), b.Size))
	p.Unlend(b)
}
