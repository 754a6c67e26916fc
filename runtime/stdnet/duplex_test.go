package stdnet_test

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/stdnet"
)

// TestDuplex: both sides write at once more than all queues hold, and read meanwhile. As
// with package net, who reads does not wait for what is written.
func TestDuplex(t *testing.T) {
	total := 32 << 20
	if testing.Short() {
		total = 8 << 20
	}
	each(t, func(t *testing.T, network string, mode stdnet.Mode) {
		rt := newRuntime(t)
		a, b := pair(t, rt, network, mode)
		want, got := [2][32]byte{}, [2][32]byte{}
		var all sync.WaitGroup
		for i, c := range []net.Conn{a, b} {
			require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
			all.Go(func() {
				sum, p, rnd := sha256.New(), make([]byte, 100_000), rand.NewChaCha8([32]byte{byte(i)})
				for left := total; left > 0; left -= len(p) {
					p = p[:min(left, len(p))]
					_, _ = rnd.Read(p)
					sum.Write(p)
					if _, err := c.Write(p); err != nil {
						t.Errorf("side %d, %d bytes before the end: %v", i, left, err)
						return
					}
				}
				sum.Sum(want[i][:0])
			})
			all.Go(func() {
				sum := sha256.New()
				if _, err := io.CopyN(sum, c, int64(total)); err != nil {
					t.Errorf("side %d: %v", i, err)
				}
				sum.Sum(got[1-i][:0])
			})
		}
		all.Wait()
		require.Equal(t, want, got)
	})
}
