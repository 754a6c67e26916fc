package probe

import (
	"bufio"
	"bytes"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// The files read, below the root that [Options.FS] stands for.
const (
	pathRelease   = "proc/sys/kernel/osrelease"
	pathDisabled  = "proc/sys/kernel/io_uring_disabled"
	pathGroup     = "proc/sys/kernel/io_uring_group"
	pathStatus    = "proc/self/status"
	pathUIDMap    = "proc/self/uid_map"
	pathLSM       = "sys/kernel/security/lsm"
	pathSELinux   = "sys/fs/selinux/enforce"
	pathLimits    = "proc/self/limits"
	pathCgroup    = "proc/self/cgroup"
	pathDockerEnv = ".dockerenv"
	pathPodmanEnv = "run/.containerenv"
	pathManager   = "run/systemd/container"
	pathServiceID = "var/run/secrets/kubernetes.io"
)

// Capability numbers, from capabilities(7).
const (
	capIPCLock  = 14
	capSysAdmin = 21
)

// sysctl is kernel.io_uring_disabled and kernel.io_uring_group (Linux 6.6).
// A kernel that was built without io_uring has neither file, whatever its age.
type sysctl struct {
	known    bool // the first file could be read
	disabled int  // 0 for all, 1 for the group and CAP_SYS_ADMIN, 2 for none
	group    int  // -1: no group
}

// status is what /proc/self/status tells of permissions, and uid_map beside it.
type status struct {
	known      bool
	seccomp    int // 0 none, 1 strict, 2 filter; -1: the kernel has no seccomp
	filters    int // -1 before Linux 5.9, which does not count them
	noNewPrivs bool
	effective  uint64 // capabilities, in our own user namespace
	userNS     bool   // which is not the first
	uid        int    // effective; -1 unknown
	groups     []int  // effective and supplementary
}

// has reports whether the capability is effective where io_uring asks for it, which is
// the first user namespace: root of another has none there.
func (s status) has(capability uint) bool { return !s.userNS && s.effective&(1<<capability) != 0 }

// inUserNS reports whether a map of user IDs is that of another namespace than the
// first, which maps all to themselves.
func inUserNS(uidMap string) bool {
	return !slices.Equal(strings.Fields(uidMap), []string{"0", "0", "4294967295"})
}

// filtered reports whether a seccomp filter is in force.
func (s status) filtered() bool { return s.seccomp == 2 }

func readSysctl(root fs.FS) sysctl {
	s := sysctl{group: -1}
	disabled, ok := readInt(root, pathDisabled)
	if !ok {
		return s
	}
	s.known, s.disabled = true, disabled
	if group, ok := readInt(root, pathGroup); ok {
		s.group = group
	}
	return s
}

func readInt(root fs.FS, name string) (int, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return int(n), err == nil
}

// parseStatus reads the text of /proc/self/status. Lines that it does not know or
// that make no sense are left out: their fields keep the value for "not told".
func parseStatus(text []byte) status {
	s := status{known: len(text) > 0, seccomp: -1, filters: -1, uid: -1}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		key, value, ok := strings.Cut(lines.Text(), ":")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		switch key {
		case "Seccomp":
			setInt(&s.seccomp, value)
		case "Seccomp_filters":
			setInt(&s.filters, value)
		case "NoNewPrivs":
			s.noNewPrivs = value == "1"
		case "CapEff":
			if caps, err := strconv.ParseUint(value, 16, 64); err == nil {
				s.effective = caps
			}
		case "Uid":
			if ids := fieldInts(value); len(ids) > 1 {
				s.uid = ids[1] // real, effective, saved, file system
			}
		case "Gid":
			if ids := fieldInts(value); len(ids) > 1 {
				s.groups = append(s.groups, ids[1])
			}
		case "Groups":
			s.groups = append(s.groups, fieldInts(value)...)
		}
	}
	return s
}

func setInt(dst *int, value string) {
	if n, err := strconv.ParseInt(value, 10, 32); err == nil && n >= 0 {
		*dst = int(n)
	}
}

func fieldInts(value string) []int {
	var ids []int
	for field := range strings.FieldsSeq(value) {
		if n, err := strconv.ParseUint(field, 10, 32); err == nil {
			ids = append(ids, int(n))
		}
	}
	return ids
}

// permits reports whether the sysctl lets this process create rings, and why.
func (s sysctl) permits(who status) (ok bool, why string) {
	switch {
	case !s.known:
		return true, ""
	case s.disabled == 0:
		return true, "open to all"
	case s.disabled == 1 && who.has(capSysAdmin):
		return true, "CAP_SYS_ADMIN is exempt"
	case s.disabled == 1 && s.group >= 0 && slices.Contains(who.groups, s.group):
		return true, "in group " + strconv.Itoa(s.group)
	case s.disabled == 1 && s.group >= 0:
		return false, "only for CAP_SYS_ADMIN and group " + strconv.Itoa(s.group)
	case s.disabled == 1:
		return false, "only for CAP_SYS_ADMIN"
	}
	return false, "forbidden to all"
}

// parseLSM splits the list of security modules, in the order in which they are
// asked.
func parseLSM(text string) []string {
	var modules []string
	for name := range strings.SplitSeq(strings.TrimSpace(text), ",") {
		if name = strings.TrimSpace(name); name != "" {
			modules = append(modules, name)
		}
	}
	return modules
}

// uringHooks are the modules that can refuse io_uring: SELinux and Smack since the
// hooks for SQPOLL and credentials (5.16), SELinux for any ring since
// security_uring_allowed (6.15), BPF programs on all of them.
var uringHooks = []string{"selinux", "smack", "bpf"}

// parseMemlock reads the soft limit in bytes of the line "Max locked memory" of
// /proc/self/limits; -1 means unlimited.
func parseMemlock(text []byte) (soft, hard int64, ok bool) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		rest, found := strings.CutPrefix(lines.Text(), "Max locked memory")
		if !found {
			continue
		}
		fields := strings.Fields(rest)
		if len(fields) < 2 {
			return 0, 0, false
		}
		soft, err1 := parseLimit(fields[0])
		hard, err2 := parseLimit(fields[1])
		return soft, hard, err1 == nil && err2 == nil
	}
	return 0, 0, false
}

func parseLimit(field string) (int64, error) {
	if field == "unlimited" {
		return -1, nil
	}
	n, err := strconv.ParseUint(field, 10, 63)
	return int64(n), err
}
