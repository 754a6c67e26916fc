//go:build linux

package uring

import (
	"slices"

	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
)

// features are the optional ones in use.
type features struct {
	multishotAccept bool // ACCEPT stays armed (5.19)
	skipSuccess     bool // cancel requests complete only when they miss (5.17)
	sendZC          bool // SEND_ZC with a report of its use (6.2)
	sendMsgZC       bool // SENDMSG_ZC (6.1)
	names           []string
}

// detect finds out what this kernel can, short of what the program disabled.
func (e *engine) detect(cfg *driver.Config) error {
	f := &e.feats
	use := func(name string, have bool) bool {
		on := have && !slices.Contains(cfg.Disable, name)
		if on {
			f.names = append(f.names, name)
		}
		return on
	}
	f.names = []string{"recv_multishot"}
	f.multishotAccept = use("accept_multishot", true)
	f.skipSuccess = use("cqe_skip", e.ring.Features()&ring.FeatCQESkip != 0)
	use("defer_taskrun", e.ring.Flags()&ring.SetupDeferTaskrun != 0)
	if use("registered_ring_fd", true) {
		if err := e.ring.RegisterRingFD(); err != nil {
			f.names = f.names[:len(f.names)-1]
		}
	}
	if _, err := e.ring.RegisterIOWQMaxWorkers(boundedWorkers, unboundedWorkers); err != nil {
		e.log.Warn("uring: kernel workers are not bounded", "loop", e.loop, "err", err)
	}
	return nil
}
