//go:build linux

package uring

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
)

// requiredFeatures are older than multishot receive.
const requiredFeatures = ring.FeatNoDrop | ring.FeatSubmitStable | ring.FeatFastPoll | ring.FeatExtArg

// needed are the features without which there is no way, by the names of ring/probe.
var needed = []string{"recv_multishot", "recvmsg_multishot"}

// features are the optional ones in use. Names are those of ring/probe, and
// udp_segment and recv_multishot_unix.
type features struct {
	multishotUnix   bool // multishot receive on Unix sockets tells every end (see trial.go)
	multishotAccept bool // ACCEPT stays armed (5.19)
	skipSuccess     bool // cancel requests complete only when they miss (5.17)
	sendZC          bool // SEND_ZC (6.0) with a report of its use (6.2)
	sendMsgZC       bool // SENDMSG_ZC (6.1)
	segmentOffload  bool // UDP_SEGMENT (4.18)
	writevFixed     bool // WRITEV_FIXED (6.15)
	sendMsgZCFixed  bool // registered buffers for SENDMSG_ZC (6.15)

	disabled []string
	names    []string
}

// use notes a feature that is there, unless the program disabled it.
func (f *features) use(name string, have bool) bool {
	if !have || slices.Contains(f.disabled, name) {
		return false
	}
	f.names = append(f.names, name)
	return true
}

// setupFeatures are the features that are flags of io_uring_setup(2).
var setupFeatures = []struct {
	name string
	flag ring.SetupFlags
}{
	{"single_issuer", ring.SetupSingleIssuer},
	{"defer_taskrun", ring.SetupDeferTaskrun},
	{"coop_taskrun", ring.SetupCoopTaskrun},
	{"submit_all", ring.SetupSubmitAll},
	{"cqsize", ring.SetupCQSize},
	{"no_sqarray", ring.SetupNoSQArray},
}

// setupFlags returns the flags to ask for. What the kernel refuses of them,
// ring.New peels off.
func (f *features) setupFlags(restrict bool) ring.SetupFlags {
	flags := ring.SetupTaskrunFlag | ring.SetupClamp
	for _, s := range setupFeatures {
		if !slices.Contains(f.disabled, s.name) {
			flags |= s.flag
		}
	}
	// Deferring completion work to enter is the better way not to be interrupted
	// by it; the kernel takes both flags, and the second has no effect then.
	if flags&ring.SetupDeferTaskrun != 0 && flags&ring.SetupSingleIssuer != 0 {
		flags &^= ring.SetupCoopTaskrun
	}
	if restrict {
		flags |= ring.SetupRDisabled
	}
	return flags
}

// detect finds out what this kernel can, short of what the program disabled. The
// ring may be disabled still.
func (e *engine) detect() error {
	f, r := &e.feats, e.ring
	f.names = append(f.names, needed...)
	for _, s := range setupFeatures {
		f.use(s.name, r.Flags()&s.flag != 0)
	}
	ops, err := r.RegisterProbe()
	if err != nil {
		return fmt.Errorf("uring: %w", err)
	}
	f.multishotAccept = f.use("accept_multishot", true) // older than multishot receive
	f.skipSuccess = f.use("cqe_skip", r.Features()&ring.FeatCQESkip != 0)
	// The report came with 6.2, and nothing but a send that uses it can tell.
	f.sendZC = f.use("send_zc", ops.Supported(ring.OpSendZC) && !slices.Contains(f.disabled, "zc_report_usage"))
	f.sendMsgZC = f.use("sendmsg_zc", f.sendZC && ops.Supported(ring.OpSendMsgZC))
	f.segmentOffload = f.use("udp_segment", segmentOffload())
	if !slices.Contains(f.disabled, "registered_buffers") && f.use("registered_buffers", e.openFixed()) {
		f.writevFixed = ops.Supported(ring.OpWritevFixed)
		f.sendMsgZCFixed = f.writevFixed // of the same kernel, and nothing else tells
	}
	if f.use("no_iowait", r.Features()&ring.FeatNoIOWait != 0) {
		// A loop without work waits; it is not a machine waiting for its disks.
		if err := r.SetIOWait(false); err != nil {
			return fmt.Errorf("uring: %w", err)
		}
	}
	if !slices.Contains(f.disabled, "registered_ring_fd") {
		f.use("registered_ring_fd", r.RegisterRingFD() == nil)
	}
	if !slices.Contains(f.disabled, "iowq_max_workers") {
		_, err := r.RegisterIOWQMaxWorkers(boundedWorkers, unboundedWorkers)
		if !f.use("iowq_max_workers", err == nil) {
			e.log.Warn("uring: the kernel's workers are not bounded", "loop", e.loop, "err", err)
		}
	}
	return nil
}

// segmentOffload tells whether the kernel cuts one send into datagrams.
func segmentOffload() bool {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	_, err = unix.GetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT)
	return err == nil
}

// usedOps are all operations that the engine ever submits.
var usedOps = [...]ring.Op{
	ring.OpAccept, ring.OpConnect, ring.OpRecv, ring.OpRecvMsg, ring.OpSend, ring.OpSendMsg, ring.OpSendZC,
	ring.OpSendMsgZC, ring.OpRead, ring.OpWrite, ring.OpWritev, ring.OpFsync, ring.OpPollAdd,
	ring.OpAsyncCancel, ring.OpClose, ring.OpReadFixed, ring.OpWriteFixed, ring.OpWritevFixed,
}

// usedFlags are all SQE flags that the engine ever sets.
const usedFlags = ring.SQEBufferSelect | ring.SQECQESkipSuccess | ring.SQEAsync

// restrict makes the kernel refuse everything else on this ring.
func (e *engine) restrict() {
	if e.ring.Flags()&ring.SetupRDisabled == 0 {
		return
	}
	ops, err := e.ring.RegisterProbe()
	if err == nil {
		allowed := []ring.Restriction{
			ring.AllowSQEFlags(usedFlags),
			ring.AllowRegisterOp(ring.UnregisterPBufRing),
			ring.AllowRegisterOp(ring.RegisterBuffersUpdate), // see fixed.go
			ring.AllowRegisterOp(ring.UnregisterRingFDs),
			ring.AllowRegisterOp(ring.RegisterEnableRings),
		}
		for _, op := range usedOps {
			if ops.Supported(op) {
				allowed = append(allowed, ring.AllowOp(op))
			}
		}
		err = e.ring.RegisterRestrictions(allowed...)
	}
	if !e.feats.use("restrictions", err == nil) {
		e.log.Warn("uring: the ring's operations are not restricted", "loop", e.loop, "err", err)
	}
}
