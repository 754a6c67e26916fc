//go:build linux

package ring

import (
	"errors"
	"math/bits"
	"os"

	"golang.org/x/sys/unix"
)

// peelOrder lists the flags that a ring can do without, newest kernel first. The others (IOPOLL, SQPOLL and
// its affinity, ATTACH_WQ) change what the program means and are never dropped.
var peelOrder = [...]SetupFlags{
	SetupHybridIOPoll,                   // 6.13
	SetupNoSQArray,                      // 6.6
	SetupDeferTaskrun,                   // 6.1
	SetupSingleIssuer,                   // 6.0
	SetupCoopTaskrun | SetupTaskrunFlag, // 5.19
	SetupSubmitAll,                      // 5.18
	SetupRDisabled,                      // 5.10
	SetupClamp,                          // 5.6
	SetupCQSize,                         // 5.5
}

// New makes a ring with the flags of want, or as many of them as this kernel takes. As long as the kernel
// answers EINVAL it drops one flag after the other, newest first: HYBRID_IOPOLL, NO_SQARRAY, DEFER_TASKRUN,
// SINGLE_ISSUER, COOP_TASKRUN with TASKRUN_FLAG, SUBMIT_ALL, R_DISABLED, CLAMP, CQSIZE. Ring.Flags tells
// which stayed. Any other error ends it: a flag less would not help.
//
// Flags without what they need are dropped first: DEFER_TASKRUN needs SINGLE_ISSUER, TASKRUN_FLAG needs
// COOP_TASKRUN or DEFER_TASKRUN, and SQPOLL takes none of these three. Where DEFER_TASKRUN was wanted and
// dropped, COOP_TASKRUN and TASKRUN_FLAG take its place.
//
// Sizes that no kernel takes are EINVAL at once: no entries, without CLAMP more than 32768 or 65536 completion
// entries, or with CQSIZE fewer completion than submission entries, both rounded up to powers of two.
func New(entries uint32, want Params) (*Ring, error) {
	if !possible(entries, want) {
		return nil, os.NewSyscallError("io_uring_setup", unix.EINVAL)
	}
	return peel(entries, want, Setup)
}

const (
	maxEntries   = 1 << 15        // IORING_MAX_ENTRIES
	maxCQEntries = 2 * maxEntries // IORING_MAX_CQ_ENTRIES
)

// possible reports whether any kernel takes these sizes. If not, its EINVAL says nothing about the flags.
func possible(entries uint32, p Params) bool {
	cq := p.CQEntries
	if p.Flags&SetupClamp != 0 {
		entries, cq = min(entries, maxEntries), min(cq, maxCQEntries)
	}
	if entries == 0 || entries > maxEntries {
		return false
	}
	return p.Flags&SetupCQSize == 0 || cq != 0 && cq <= maxCQEntries && bits.Len32(cq-1) >= bits.Len32(entries-1)
}

// peel is New over any setup function.
func peel(entries uint32, p Params, setup func(uint32, Params) (*Ring, error)) (*Ring, error) {
	p.Flags = settle(p.Flags)
	r, err := setup(entries, p)
	for _, drop := range peelOrder {
		if !errors.Is(err, unix.EINVAL) {
			break
		}
		if p.Flags&drop == 0 {
			continue
		}
		p.Flags = without(p.Flags, drop)
		r, err = setup(entries, p)
	}
	return r, err
}

// without drops flags and keeps the rest consistent.
func without(f, drop SetupFlags) SetupFlags {
	if drop&SetupDeferTaskrun != 0 {
		f |= SetupCoopTaskrun | SetupTaskrunFlag
	}
	return settle(f &^ drop)
}

// settle drops the flags that are invalid in the company of the others.
func settle(f SetupFlags) SetupFlags {
	if f&SetupSQPoll != 0 {
		return f &^ (SetupDeferTaskrun | SetupCoopTaskrun | SetupTaskrunFlag)
	}
	if f&SetupDeferTaskrun != 0 && f&SetupSingleIssuer == 0 {
		f = f&^SetupDeferTaskrun | SetupCoopTaskrun | SetupTaskrunFlag
	}
	if f&(SetupDeferTaskrun|SetupCoopTaskrun) == 0 {
		f &^= SetupTaskrunFlag
	}
	return f
}
