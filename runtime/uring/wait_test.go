//go:build linux

package uring

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

// TestBatch: one Poll delivers what came one after the other. A signal may end a wait
// early, so one of several has to.
func TestBatch(t *testing.T) {
	// Less than what the engine looks after sockets for that have gone quiet: a wait that
	// ends by then is none for a batch.
	r := newRig(t, func(c *rigConfig) { c.BatchWait = watchTick / 5 })
	r.crowd.Always = true
	const n = 8 // which are a batch then
	var peers [n]int
	var reads [n]*record
	for i := range peers {
		var s driver.Socket
		s, peers[i] = r.pair()
		reads[i] = r.submit(driver.Recv, s, nil)
	}
	for tries := 0; ; tries++ {
		require.Less(t, tries, 20, "each Poll delivered less")
		sent := make(chan error, 1)
		go func() {
			var failed error
			for _, fd := range peers {
				time.Sleep(time.Millisecond)
				if _, err := syscall.Write(fd, []byte("x")); err != nil {
					failed = err
				}
			}
			sent <- failed
		}()
		got, most := 0, 0
		for got < n {
			k, err := r.Poll(-1)
			require.NoError(t, err)
			got, most = got+k, max(most, k)
		}
		require.NoError(t, <-sent)
		if most == n {
			break
		}
	}
	require.NotZero(t, r.stats.Batches)
	for i := range reads {
		require.False(t, reads[i].ended)
	}
}
