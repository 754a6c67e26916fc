package probe

import (
	"io/fs"
	goruntime "runtime"
	"strings"
)

// facts is everything that is read, before anything is tried.
type facts struct {
	host    Host
	sysctl  sysctl
	status  status
	modules []string // Linux security modules; nil unknown
	enforce State    // SELinux
	memlock memlock
}

// memlock is RLIMIT_MEMLOCK in bytes, -1 for unlimited.
type memlock struct {
	known      bool
	soft, hard int64
}

// binds reports whether the limit is one, for this process.
func (m memlock) binds(who status) bool { return m.known && m.soft >= 0 && !who.has(capIPCLock) }

func readFacts(root fs.FS) facts {
	f := facts{
		host:   Host{OS: goruntime.GOOS, Arch: goruntime.GOARCH, CPUs: goruntime.NumCPU(), UID: -1},
		sysctl: readSysctl(root),
	}
	if text, err := fs.ReadFile(root, pathRelease); err == nil {
		f.host.Release = strings.TrimSpace(string(text))
		f.host.Kernel, _ = ParseVersion(f.host.Release) // unreadable: unknown
	}
	text, err := fs.ReadFile(root, pathStatus)
	f.status = parseStatus(text)
	f.status.known = err == nil
	if text, err := fs.ReadFile(root, pathUIDMap); err == nil {
		f.status.userNS = inUserNS(string(text))
	}
	f.host.UID = f.status.uid
	if text, err := fs.ReadFile(root, pathLSM); err == nil {
		f.modules = parseLSM(string(text))
	}
	if n, ok := readInt(root, pathSELinux); ok {
		f.enforce = No
		if n == 1 {
			f.enforce = Yes
		}
	}
	if text, err := fs.ReadFile(root, pathLimits); err == nil {
		f.memlock.soft, f.memlock.hard, f.memlock.known = parseMemlock(text)
	}
	f.host.Container = container(root)
	return f
}

// container recognises the manager by the marks it leaves. A container without
// marks is not recognised: the hints then name the usual ones.
func container(root fs.FS) string {
	if _, err := fs.Stat(root, pathServiceID); err == nil {
		return "kubernetes"
	}
	cgroup, _ := fs.ReadFile(root, pathCgroup)
	if strings.Contains(string(cgroup), "kubepods") {
		return "kubernetes"
	}
	if _, err := fs.Stat(root, pathDockerEnv); err == nil {
		return "docker"
	}
	if _, err := fs.Stat(root, pathPodmanEnv); err == nil {
		return "podman"
	}
	if name, err := fs.ReadFile(root, pathManager); err == nil {
		return strings.TrimSpace(string(name))
	}
	for _, mark := range []string{"docker", "libpod", "containerd", "lxc"} {
		if strings.Contains(string(cgroup), mark) {
			return strings.Replace(mark, "libpod", "podman", 1)
		}
	}
	return ""
}
