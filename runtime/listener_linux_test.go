package runtime_test

import (
	"net"
	"testing"
	"time"

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
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	system := optionsOf(fd)
	require.NoError(t, unix.Close(fd))
	for name, test := range map[string]struct {
		set  net.KeepAliveConfig
		want map[string]int
	}{
		"default": {want: map[string]int{"keep-alive": 1, "idle": 15, "interval": 15, "count": 9}},
		"a count": {net.KeepAliveConfig{Count: 7},
			map[string]int{"keep-alive": 1, "idle": 15, "interval": 15, "count": 7}},
		"all": {net.KeepAliveConfig{Enable: true, Idle: 1500 * time.Millisecond, Interval: 3 * time.Second, Count: 4},
			map[string]int{"keep-alive": 1, "idle": 2, "interval": 3, "count": 4}},
		"the system's idle": {net.KeepAliveConfig{Idle: -1, Interval: 7 * time.Second},
			map[string]int{"keep-alive": 1, "idle": system["idle"], "interval": 7, "count": 9}},
		"none": {net.KeepAliveConfig{Idle: -1, Interval: -1, Count: -1},
			map[string]int{"keep-alive": 0, "idle": system["idle"], "interval": 75, "count": 9}},
	} {
		t.Run(name, func(t *testing.T) {
			eachBackend(t, func(t *testing.T, b runtime.Backend, _ string) {
				test.want["no delay"] = 1
				require.Equal(t, test.want, tuned(t, &runtime.Config{Loops: 2, Backend: b, KeepAlive: test.set}))
			})
		})
	}
}

// tuned returns the options of an accepted connection.
func tuned(t *testing.T, cfg *runtime.Config) map[string]int {
	got := make(chan map[string]int, 1)
	addr := listen(t, newRuntime(t, cfg), "tcp", func(c *runtime.Conn) runtime.Handler {
		var all map[string]int
		_ = c.Control(func(fd uintptr) { all = optionsOf(int(fd)) })
		got <- all
		return dropAll{}
	})
	dial(t, addr)
	return receive(t, got)
}

func optionsOf(fd int) map[string]int {
	all := map[string]int{}
	all["keep-alive"], _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE)
	all["idle"], _ = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE)
	all["interval"], _ = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL)
	all["count"], _ = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT)
	all["no delay"], _ = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY)
	return all
}
