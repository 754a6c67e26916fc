package probe

import (
	"fmt"
	"slices"
	"strings"
)

// The gates, in the order in which they are printed.
const (
	gateSyscall = "syscall"
	gateSysctl  = "sysctl"
	gateSeccomp = "seccomp"
	gateLSM     = "lsm"
	gateMemlock = "memlock"
	gateKernel  = "kernel"
)

// minMemlock is below what registering one loop's buffers takes.
const minMemlock = 64 << 20

// gates turns what was read and what was answered into the list of gates. A gate
// fails only when it is the cause; what it merely shows is ok.
func gates(f facts, attempts []attempt, cause Cause) []Gate {
	if f.host.OS != "linux" {
		return []Gate{{ID: gateKernel, Status: StatusFail, Value: f.host.OS, Detail: "io_uring is Linux's own"}}
	}
	return []Gate{
		syscallGate(attempts, cause),
		sysctlGate(f, cause),
		seccompGate(f, cause),
		lsmGate(f, cause),
		memlockGate(f, cause),
		kernelGate(f, cause),
	}
}

func syscallGate(attempts []attempt, cause Cause) Gate {
	g := Gate{ID: gateSyscall, Status: StatusSkipped, Detail: "not tried: forbidden by the sysctl"}
	if cause != CauseSysctl {
		g.Detail = "not tried"
	}
	var said []string
	for _, a := range attempts {
		if !a.tried {
			continue
		}
		g.Status, g.Detail = StatusOK, "called, and it worked"
		if a.errno != 0 {
			said = append(said, a.call+": "+Errno(a.errno).String())
			g.Status, g.Detail = StatusFail, "refused"
			break
		}
		said = append(said, a.call)
	}
	g.Value = strings.Join(said, ", ")
	return g
}

func sysctlGate(f facts, cause Cause) Gate {
	g := Gate{ID: gateSysctl, Status: StatusOK, Value: "kernel.io_uring_disabled absent",
		Detail: "before Linux 6.6, or built without io_uring"}
	if f.sysctl.known {
		_, why := f.sysctl.permits(f.status)
		g.Value = fmt.Sprintf("kernel.io_uring_disabled=%d", f.sysctl.disabled)
		if f.sysctl.disabled == 1 {
			g.Value += fmt.Sprintf(" io_uring_group=%d", f.sysctl.group)
		}
		g.Detail = why
	}
	if cause == CauseSysctl {
		g.Status = StatusFail
	}
	return g
}

func seccompGate(f facts, cause Cause) Gate {
	g := Gate{ID: gateSeccomp, Status: StatusOK}
	switch s := f.status; {
	case !s.known:
		g.Status, g.Detail = StatusSkipped, "/proc/self/status can not be read"
	case s.seccomp < 0:
		g.Value, g.Detail = "Seccomp absent", "kernel without seccomp"
	case s.seccomp == 0:
		g.Value, g.Detail = "Seccomp: 0", "no filter"
	default:
		g.Value = fmt.Sprintf("Seccomp: %d", s.seccomp)
		if s.filters >= 0 {
			g.Value += fmt.Sprintf(", Seccomp_filters: %d", s.filters)
		}
		if s.noNewPrivs {
			g.Value += ", NoNewPrivs: 1"
		}
		g.Detail = "a filter is in force and lets io_uring pass"
	}
	if cause == CauseSeccomp {
		g.Status, g.Detail = StatusFail, "the filter refuses io_uring"
	} else if cause != "" && f.status.filtered() {
		g.Detail = "a filter is in force"
	}
	return g
}

func lsmGate(f facts, cause Cause) Gate {
	g := Gate{ID: gateLSM, Status: StatusOK, Value: strings.Join(f.modules, ",")}
	switch {
	case f.modules == nil:
		g.Status, g.Detail = StatusSkipped, "list can not be read"
	case !slices.ContainsFunc(f.modules, func(m string) bool { return slices.Contains(uringHooks, m) }):
		g.Detail = "none that hooks io_uring"
	default:
		g.Detail = "may refuse io_uring"
	}
	if f.enforce != Unknown {
		mode := "permissive"
		if f.enforce == Yes {
			mode = "enforcing"
		}
		g.Value = strings.TrimPrefix(g.Value+" selinux="+mode, " ")
		if f.modules == nil {
			g.Status, g.Detail = StatusOK, "may refuse io_uring"
		}
	}
	if cause == CauseLSM {
		g.Status, g.Detail = StatusFail, "refuses io_uring"
	}
	return g
}

func memlockGate(f facts, cause Cause) Gate {
	g := Gate{ID: gateMemlock, Status: StatusOK}
	if !f.memlock.known {
		g.Status, g.Detail = StatusSkipped, "/proc/self/limits can not be read"
		return g
	}
	g.Value = "soft " + bytesText(f.memlock.soft) + ", hard " + bytesText(f.memlock.hard)
	switch {
	case f.memlock.soft < 0:
		g.Detail = "no limit"
	case f.status.has(capIPCLock):
		g.Detail = "CAP_IPC_LOCK is exempt"
	case f.memlock.soft < minMemlock:
		g.Status, g.Detail = StatusWarn, "little or no memory can be registered for zero-copy sends"
	default:
		g.Detail = "room for registered buffers"
	}
	if cause == CauseMemlock {
		g.Status, g.Detail = StatusFail, "too little for the rings"
	}
	return g
}

func kernelGate(f facts, cause Cause) Gate {
	g := Gate{ID: gateKernel, Status: StatusOK, Value: f.host.Release, Detail: "information only"}
	if g.Value == "" {
		g.Value, g.Status = "unknown", StatusSkipped
	}
	if cause == CauseKernel {
		g.Status, g.Detail = StatusFail, "no io_uring, or too little of it: 6.0 is the floor"
	}
	return g
}

// bytesText writes a limit in the largest unit that divides it.
func bytesText(n int64) string {
	switch {
	case n < 0:
		return "unlimited"
	case n >= 1<<30 && n%(1<<30) == 0:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
