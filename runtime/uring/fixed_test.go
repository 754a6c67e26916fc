//go:build linux

package uring

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// written writes a chain to a new file and returns what is in it.
func (r *rig) written(chain *buffers.Chain) []byte {
	r.t.Helper()
	name := filepath.Join(r.t.TempDir(), "file")
	f, err := os.Create(name)
	require.NoError(r.t, err)
	defer f.Close()
	var off int64
	for !chain.Empty() {
		o := r.submit(driver.WriteAt, driver.NoSocket, func(op *driver.Op) {
			op.Chain, op.Ext = chain, &driver.Ext{File: f, Off: off}
		})
		r.until(func() bool { return o.ended })
		require.NoError(r.t, o.err)
		chain.Discard(o.n)
		off += int64(o.n)
	}
	data, err := os.ReadFile(name)
	require.NoError(r.t, err)
	return data
}

// TestRegisteredWrites: pooled memory is registered when it is first written out, what
// is not the pool's goes as ordinary memory, and Trim takes it all back.
func TestRegisteredWrites(t *testing.T) {
	r := newRig(t, func(c *rigConfig) { c.FixedFiles = true })
	if r.fixed.segments == nil {
		t.Skip("skip: this kernel has no sparse tables of buffers")
	}
	require.Equal(t, "one", string(r.written(r.chain("one"))))
	require.EqualValues(t, 1, r.stats.Fixed)
	require.NotZero(t, r.stats.Registered)
	registered := r.stats.Registered

	require.Equal(t, "onetwo", string(r.written(r.chain("one", "two"))))
	if r.feats.writevFixed {
		require.EqualValues(t, 2, r.stats.Fixed)
	}
	require.Equal(t, registered, r.stats.Registered, "of the same segment")

	before := r.stats.Fixed
	mixed := r.chain("ours ")
	mixed.Append(buffers.Wrap([]byte("and theirs"), nil))
	require.Equal(t, "ours and theirs", string(r.written(mixed)))
	other, err := buffers.NewPool(nil)
	require.NoError(t, err)
	defer other.Close()
	foreign := &buffers.Chain{}
	require.Equal(t, 7, foreign.AppendCopy(other, []byte("foreign")))
	require.Equal(t, "foreign", string(r.written(foreign)))
	require.Equal(t, before, r.stats.Fixed)

	r.Trim()
	require.Zero(t, r.stats.Registered)
	require.NotZero(t, r.pool.Trim(), "nothing is pinned any more")
	require.Equal(t, "again", string(r.written(r.chain("again"))))
	require.NotZero(t, r.stats.Registered)
}

// TestNoMemoryToLock: a kernel that registers nothing is asked once, and all goes on.
func TestNoMemoryToLock(t *testing.T) {
	r := newRig(t, func(c *rigConfig) { c.FixedFiles = true })
	if r.fixed.segments == nil {
		t.Skip("skip: this kernel has no sparse tables of buffers")
	}
	require.NoError(t, r.ring.UnregisterBuffers()) // updates fail from here on
	for range 3 {
		require.Equal(t, "data", string(r.written(r.chain("data"))))
		require.True(t, r.fixed.full)
		require.Zero(t, r.stats.Fixed)
	}
	require.NotZero(t, r.pool.Trim())
}

// TestRegisteredOff: the switch leaves them out.
func TestRegisteredOff(t *testing.T) {
	r := newRig(t, func(c *rigConfig) { c.FixedFiles, c.Disable = true, []string{"registered_buffers"} })
	require.Equal(t, "data", string(r.written(r.chain("data"))))
	require.Zero(t, r.stats.Fixed+uint64(r.stats.Registered))
	require.NotContains(t, r.Caps().Features, "registered_buffers")
}

// TestRegisteredZeroCopy: sends without a copy read registered memory, which is theirs
// until their notification.
func TestRegisteredZeroCopy(t *testing.T) {
	for name, size := range map[string]int{"one piece": 64 << 10, "many of one segment": 2 << 10} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			if !r.feats.sendMsgZCFixed {
				t.Skip("skip: this kernel has no zero-copy sends of many registered pieces")
			}
			s, peer := r.connected()
			r.socks[s].zeroCopy = zeroCopyOn // loopback would not
			chain := &buffers.Chain{}
			for chain.Len() < zeroCopyMin {
				chain.AppendChain(r.chain(strings.Repeat("x", size)))
			}
			want := bytes.Clone(chain.Bytes())
			got := make(chan []byte)
			go func() {
				b := make([]byte, len(want))
				_, _ = io.ReadFull(peer, b)
				got <- b
			}()
			o := r.submit(driver.Send, s, func(op *driver.Op) { op.Chain, op.Bulk = chain, true })
			r.until(func() bool { return len(o.got) > 0 })
			require.EqualValues(t, 1, r.stats.Fixed)
			r.until(func() bool { return o.ended })
			require.NoError(t, o.err)
			require.Zero(t, r.fixed.inflight)
			require.Equal(t, len(want), o.n, "the socket has room for it")
			require.True(t, bytes.Equal(want, <-got))
			chain.Release()
			r.close(s)
		})
	}
}
