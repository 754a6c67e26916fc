package probe

import (
	"slices"
	"syscall"
)

// Cause is what stands in the way of io_uring.
type Cause string

// The causes that can be told apart from outside.
const (
	CausePlatform Cause = "platform" // not Linux
	CauseKernel   Cause = "kernel"   // too old, or built without io_uring
	CauseSysctl   Cause = "sysctl"   // kernel.io_uring_disabled
	CauseSeccomp  Cause = "seccomp"  // a filter, usually a container's default profile
	CauseLSM      Cause = "lsm"      // SELinux or another security module
	CauseMemlock  Cause = "memlock"  // RLIMIT_MEMLOCK
	CauseLimits   Cause = "limits"   // descriptors or memory ran out
	CauseDenied   Cause = "denied"   // refused, and nothing visible says by whom
)

// The three system calls, in the order in which a ring needs them. A filter can
// let one pass and refuse the next, so each is called once.
const (
	callSetup    = "io_uring_setup"
	callRegister = "io_uring_register"
	callEnter    = "io_uring_enter"
)

// attempt is one of the three calls and what it answered; tried is false where an
// earlier refusal kept it from being made.
type attempt struct {
	call  string
	tried bool
	errno syscall.Errno
}

// diagnose finds out why io_uring is blocked, nil if it is not.
//
// An errno does not name its cause: Docker's default profile answers EPERM, so
// does the sysctl, and ENOSYS can be a filter or a kernel without io_uring. What
// /proc tells separates them.
func diagnose(f facts, attempts []attempt) *Block {
	if f.host.OS != "linux" {
		return &Block{Cause: CausePlatform, Reason: "io_uring needs Linux, this is " + f.host.OS}
	}
	if f.sysctl.known && f.sysctl.disabled >= 2 {
		return &Block{Cause: CauseSysctl, Errno: Errno(syscall.EPERM), Reason: "io_uring blocked by sysctl"}
	}
	for _, a := range attempts {
		if a.tried && a.errno != 0 {
			cause := causeOf(f, a)
			return &Block{Cause: cause, Call: a.call, Errno: Errno(a.errno), Reason: blockReason(cause, a)}
		}
	}
	return nil
}

// outOfMemlock finds out whether RLIMIT_MEMLOCK is what keeps a required feature from
// working, where all three calls pass: it counts buffer rings, too.
func outOfMemlock(f facts, found map[string]finding) *Block {
	if !f.memlock.binds(f.status) {
		return nil
	}
	for _, want := range catalogue {
		got := found[want.ID]
		if !want.Required || got.state == Yes || got.errno != syscall.ENOMEM {
			continue
		}
		a := attempt{call: callEnter, errno: got.errno}
		if got.how == ByRegister {
			a.call = callRegister
		}
		return &Block{Cause: CauseMemlock, Call: a.call, Errno: Errno(a.errno), Reason: blockReason(CauseMemlock, a)}
	}
	return nil
}

func causeOf(f facts, a attempt) Cause {
	switch a.errno {
	case syscall.ENOSYS:
		return causeOfENOSYS(f, a)
	case syscall.EPERM:
		return causeOfEPERM(f, a)
	case syscall.EACCES:
		return CauseLSM
	case syscall.ENOMEM:
		// Rings are charged before 5.12, and again, buffer rings too, from 6.14 on
		// (https://github.com/axboe/liburing/issues/1408, and seen on 6.18).
		if f.memlock.binds(f.status) {
			return CauseMemlock
		}
		return CauseLimits
	case syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN:
		return CauseLimits
	case syscall.EINVAL:
		return CauseKernel
	}
	return CauseDenied
}

// causeOfENOSYS: the kernel answers so for a call it does not have, all three at
// once. A kernel that made a ring, or that has the sysctl, has io_uring.
func causeOfENOSYS(f facts, a attempt) Cause {
	hasUring := a.call != callSetup || f.sysctl.known
	switch {
	case hasUring:
		return CauseSeccomp
	case f.status.filtered() && !f.host.Kernel.Less(Version{5, 1, 0}):
		return CauseSeccomp
	}
	return CauseKernel
}

func causeOfEPERM(f facts, a attempt) Cause {
	if a.call == callSetup {
		if ok, _ := f.sysctl.permits(f.status); !ok {
			return CauseSysctl
		}
	}
	switch {
	case f.status.filtered():
		return CauseSeccomp
	case a.call == callSetup && f.sysctl.known && f.sysctl.disabled == 1:
		// The group is asked of the first user namespace, and told in terms of our own.
		return CauseSysctl
	case slices.ContainsFunc(f.modules, func(m string) bool { return slices.Contains(uringHooks, m) }):
		return CauseLSM
	}
	return CauseDenied
}

func blockReason(cause Cause, a attempt) string {
	errno := Errno(a.errno).String()
	switch cause {
	case CauseKernel:
		if a.errno == syscall.ENOSYS {
			return "kernel has no io_uring"
		}
		return "kernel's io_uring is too old (" + a.call + ": " + errno + ")"
	case CauseMemlock:
		return "io_uring blocked by RLIMIT_MEMLOCK"
	case CauseLSM:
		return "io_uring blocked by a security module"
	case CauseLimits:
		return "io_uring could not be set up (" + a.call + ": " + errno + ")"
	case CauseDenied:
		return "io_uring refused (" + a.call + ": " + errno + ")"
	}
	return "io_uring blocked by " + string(cause)
}
