//go:build linux

package epoll

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/drivertest"
)

// TestContractBatched: every wait is one for a batch first.
func TestContractBatched(t *testing.T) {
	batched := opening(func(e *engine) { e.crowd.Always = true })
	drivertest.Run(t, batched, drivertest.Configure(func(cfg *driver.Config) {
		cfg.BatchWait = 100 * time.Microsecond
	}))
}

// TestContractParked: every wait is one in Go's netpoller.
func TestContractParked(t *testing.T) {
	drivertest.Run(t, opening(func(e *engine) { e.netpoll.waits.Always = true }))
}

// opening is Open and then set.
func opening(set func(*engine)) driver.Open {
	return func(cfg *driver.Config) (driver.Engine, error) {
		e, err := Open(cfg)
		if err == nil {
			set(e.(*engine))
		}
		return e, err
	}
}

// TestParksWhenCold: a loop whose waits are usually long parks, one for which something is
// there soon waits in epoll_wait(2).
func TestParksWhenCold(t *testing.T) {
	l := open(t, nil)
	for tries := 0; l.stats.Parks == 0; tries++ {
		require.Less(t, tries, 100)
		_, err := l.Poll(20 * time.Millisecond) // nothing comes
		require.NoError(t, err)
	}
	for range 1000 { // as after many waits that were none
		l.netpoll.waits.Tell(0)
	}
	parks := l.stats.Parks
	_, _, err := l.wait(time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, parks, l.stats.Parks)
}
