//go:build linux

package epoll

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/drivertest"
)

// TestContractParked: every wait is one in Go's netpoller.
func TestContractParked(t *testing.T) {
	drivertest.Run(t, func(cfg *driver.Config) (driver.Engine, error) {
		e, err := Open(cfg)
		if err == nil {
			e.(*engine).netpoll.waits.Always = true
		}
		return e, err
	})
}

// TestParksWhenCold: a loop that usually waits long parks, and is told of what comes; one
// for which something is there soon waits in epoll_wait(2).
func TestParksWhenCold(t *testing.T) {
	l := open(t, nil)
	s, peer := l.pair("tcp")
	recv := l.start(driver.Recv, s, nil)
	for tries := 0; l.stats.Parks == 0; tries++ {
		require.Less(t, tries, 100)
		_, err := l.Poll(20 * time.Millisecond) // nothing comes
		require.NoError(t, err)
	}
	parks := l.stats.Parks
	poll := func(want string) {
		missing := []byte(want[len(recv.data):])
		time.AfterFunc(5*time.Millisecond, func() { _, _ = peer.Write(missing) })
		for string(recv.data) != want {
			_, err := l.Poll(patience)
			require.NoError(t, err)
		}
	}
	poll("come")
	require.Greater(t, l.stats.Parks, parks)

	for range 1000 { // as after many waits that were none
		l.netpoll.waits.Tell(0)
	}
	parks = l.stats.Parks
	poll("come again")
	require.Equal(t, parks, l.stats.Parks)
}
