package probe

// Texts are commands or keys as the operator types them; docs/containers.md
// explains each.
var seccompHints = []Hint{
	{ID: "docker_seccomp", For: "docker",
		Text: "docker run --security-opt seccomp=headrace.json (docs/containers.md)"},
	{ID: "podman_seccomp", For: "podman",
		Text: "podman run --security-opt seccomp=headrace.json (docs/containers.md)"},
	{ID: "kubernetes_seccomp", For: "kubernetes",
		Text: "securityContext.seccompProfile: {type: Localhost, localhostProfile: headrace.json}"},
	{ID: "systemd_seccomp", For: "systemd",
		Text: "SystemCallFilter=io_uring_setup io_uring_register io_uring_enter"},
}

var memlockHints = []Hint{
	{ID: "docker_memlock", For: "docker", Text: "docker run --ulimit memlock=67108864"},
	{ID: "podman_memlock", For: "podman", Text: "podman run --ulimit memlock=67108864"},
	{ID: "kubernetes_memlock", For: "kubernetes",
		Text: "securityContext.capabilities: {add: [IPC_LOCK]}"},
	{ID: "systemd_memlock", For: "systemd", Text: "LimitMEMLOCK=64M"},
}

// hints says what the operator can do: first what would make io_uring usable, then
// what would make it better.
func hints(f facts, cause Cause, gates []Gate) []Hint {
	out := fixes(f, cause)
	if cause != "" {
		return out
	}
	for _, g := range gates {
		if g.ID == gateMemlock && g.Status == StatusWarn {
			out = append(out, pick(memlockHints, f.host.Container, false)...)
		}
	}
	return out
}

func fixes(f facts, cause Cause) []Hint {
	switch cause {
	case CauseSeccomp:
		return pick(seccompHints, f.host.Container, true)
	case CauseMemlock:
		return pick(memlockHints, f.host.Container, true)
	case CauseSysctl:
		if f.sysctl.disabled == 1 && f.sysctl.group >= 0 {
			return []Hint{{ID: "sysctl_group", Fix: true, For: "sysctl",
				Text: "run as a member of the group in kernel.io_uring_group"}}
		}
		return []Hint{
			{ID: "sysctl_enable", Fix: true, For: "sysctl",
				Text: "sysctl -w kernel.io_uring_disabled=0 (on the host)"},
			{ID: "sysctl_group", Fix: true, For: "sysctl",
				Text: "or for one group: kernel.io_uring_disabled=1 and kernel.io_uring_group=GID"},
		}
	case CauseLSM:
		return []Hint{{ID: "lsm_allow", Fix: true, For: "selinux",
			Text: "allow the domain class io_uring permission allowed; ausearch -m avc shows the denial"}}
	case CauseKernel:
		return []Hint{{ID: "kernel_upgrade", Fix: true, For: "kernel",
			Text: "run Linux 6.1 or newer, built with CONFIG_IO_URING=y"}}
	case CauseLimits:
		return []Hint{{ID: "limits_raise", Fix: true, For: "limits",
			Text: "raise RLIMIT_NOFILE (ulimit -n) or the memory limit of the container"}}
	case CauseDenied:
		return []Hint{{ID: "denied_look", Fix: true, For: "host",
			Text: "a sandbox around this process refuses io_uring: look at its policy"}}
	}
	return nil
}

// pick takes the hint for the container manager that was recognised, or all of
// them where none was.
func pick(from []Hint, container string, fix bool) []Hint {
	if container == "containerd" {
		container = "kubernetes"
	}
	var one, all []Hint
	for _, h := range from {
		h.Fix = fix
		all = append(all, h)
		if h.For == container {
			one = append(one, h)
		}
	}
	if one != nil {
		return one
	}
	return all
}
