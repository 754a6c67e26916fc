//go:build !race && !invariants

package stdnet_test

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/stdnet"
)

// TestAllocations: reading and writing costs no memory, deadlines neither.
func TestAllocations(t *testing.T) {
	for _, mode := range []stdnet.Mode{stdnet.Loop, stdnet.Poller} {
		t.Run(mode.String(), func(t *testing.T) {
			rt := newRuntime(t)
			if rt.Backend() == runtime.Portable && mode == stdnet.Loop {
				t.Skip("skip: the portable engine has a goroutine for each call")
			}
			server, client := pair(t, rt, "tcp", mode)
			out, in := make([]byte, 4<<10), make([]byte, 4<<10)
			round := func() {
				_ = server.SetReadDeadline(time.Now().Add(time.Hour))
				if _, err := client.Write(out); err != nil {
					panic(err)
				}
				if _, err := io.ReadFull(server, in); err != nil {
					panic(err)
				}
			}
			for range 1000 {
				round()
			}
			require.Zero(t, testing.AllocsPerRun(1000, round))
		})
	}
}
