package faults_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/fallback/epoll"
	"github.com/headrace/headrace/fallback/portable"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/drivertest"
	"github.com/headrace/headrace/runtime/driver/faults"
	"github.com/headrace/headrace/runtime/uring"
)

var engines = []struct {
	name string
	open driver.Open
}{
	{"io_uring", uring.Open},
	{"epoll", epoll.Open},
	{"portable", portable.Open},
}

// TestContract: what an engine may do at any time is no harm to the contract.
func TestContract(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			cfg := faults.Contract(faults.Seed(t.Logf))
			cfg.Counts = &faults.Counts{}
			cfg.Fail = func(err error) { t.Error(err) }
			drivertest.Run(t, faults.Wrap(e.open, cfg),
				drivertest.Skip("Poll comes back early", "poll/timeout", "poll/wakes count as one"),
			)
			t.Log(cfg.Counts)
			if t.Failed() || t.Skipped() {
				return
			}
			for k := faults.ShortRecv; k <= faults.IdlePoll; k++ {
				require.NotZero(t, cfg.Counts.Of(k), "%v", k)
			}
			require.Equal(t, e.name == "io_uring", cfg.Counts.Of(faults.RefusedEnter) > 0)
		})
	}
}
