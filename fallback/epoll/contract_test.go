//go:build linux

package epoll_test

import (
	"testing"

	"github.com/headrace/headrace/fallback/epoll"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/drivertest"
)

func TestContract(t *testing.T) {
	var opts []drivertest.Option
	if !allocates {
		opts = append(opts, drivertest.ZeroAlloc())
	}
	drivertest.Run(t, epoll.Open, opts...)
}

// TestContractPlain leaves out what the kernel may not have.
func TestContractPlain(t *testing.T) {
	drivertest.Run(t, epoll.Open, drivertest.Configure(func(cfg *driver.Config) {
		cfg.Disable = []string{"epoll_pwait2", "udp_segment"}
		cfg.Entries = 1
		cfg.FileWorkers = 1
	}))
}
