package runtime_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

type dropAll struct{}

func (dropAll) Data(_ *runtime.Conn, in *buffers.Chain) { in.Release() }

func (dropAll) Closed(*runtime.Conn, error) {}

// TestAcceptedAreTuned: what is set on a listener, its connections have when accept sees them.
func TestAcceptedAreTuned(t *testing.T) {
	eachBackend(t, func(t *testing.T, b runtime.Backend, _ string) {
		rt := newRuntime(t, &runtime.Config{Loops: 2, Backend: b, KeepAlive: net.KeepAliveConfig{Count: 7}})
		got := make(chan map[string]int, 1)
		addr := listen(t, rt, "tcp", func(c *runtime.Conn) runtime.Handler {
			all := map[string]int{}
			err := c.Control(func(fd uintptr) {
				all["keep-alive"], _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE)
				all["idle"], _ = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPIDLE)
				all["count"], _ = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPCNT)
				all["no delay"], _ = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY)
			})
			if err != nil {
				all = nil
			}
			got <- all
			return dropAll{}
		})
		dial(t, addr)
		require.Equal(t, map[string]int{"keep-alive": 1, "idle": 15, "count": 7, "no delay": 1}, <-got)
	})
}
