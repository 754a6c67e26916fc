//go:build linux

package uring

import (
	"testing"
	"time"

	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/drivertest"
)

func TestContract(t *testing.T) {
	var opts []drivertest.Option
	if !raceDetector {
		opts = append(opts, drivertest.ZeroAlloc())
	}
	drivertest.Run(t, Open, opts...)
}

// TestContractPlain leaves out what the kernel may not have, has queues that are
// always full, and forbids what is not used.
func TestContractPlain(t *testing.T) {
	drivertest.Run(t, Open, drivertest.Configure(func(cfg *driver.Config) {
		cfg.Disable = []string{
			"single_issuer", "defer_taskrun", "coop_taskrun", "submit_all", "no_sqarray", "accept_multishot",
			"cqe_skip", "registered_ring_fd", "iowq_max_workers", "no_iowait", "send_zc", "udp_segment",
		}
		cfg.Entries = 2
		cfg.RestrictOps = true
	}))
}

// TestContractBatched: every wait is one for a batch first.
func TestContractBatched(t *testing.T) {
	batched := opening(func(e *engine) { e.crowd.Always = true })
	drivertest.Run(t, batched, drivertest.Configure(func(cfg *driver.Config) {
		cfg.BatchWait = 100 * time.Microsecond
	}))
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

// TestContractParked: every wait is one in Go's netpoller.
func TestContractParked(t *testing.T) {
	for name, disable := range map[string][]string{
		"deferred":    nil,
		"cooperative": {"defer_taskrun"},
		"interrupted": {"defer_taskrun", "coop_taskrun"},
	} {
		t.Run(name, func(t *testing.T) {
			parked := opening(func(e *engine) { e.waits.Always = true })
			opts := []drivertest.Option{drivertest.Configure(func(cfg *driver.Config) { cfg.Disable = disable })}
			if !raceDetector {
				opts = append(opts, drivertest.ZeroAlloc())
			}
			drivertest.Run(t, parked, opts...)
		})
	}
}
