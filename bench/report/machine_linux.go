//go:build linux

package report

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	goruntime "runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/bench/harness"
	"github.com/headrace/headrace/bench/scenario"
)

// ThisMachine describes where the program runs, and the network that it measures in. What can not be found out stays empty.
func ThisMachine(cores []int, n *harness.Network) Machine {
	m := Machine{Cores: goruntime.NumCPU(), Go: goruntime.Version(), Used: cores, TCP: n.Congestion()}
	m.CPU = field("/proc/cpuinfo", "model name", ":")
	if strings.Contains(field("/proc/cpuinfo", "flags", ":"), " hypervisor") {
		m.Virtual = "virtual machine"
	}
	m.OS = strings.Trim(field("/etc/os-release", "PRETTY_NAME", "="), `"`)
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		m.Memory = int64(info.Totalram) * int64(info.Unit)
	}
	if out, err := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=12").Output(); err == nil {
		m.Commit = strings.TrimSpace(string(out))
	}
	return m
}

// field returns the value of the first line "key<sep>value" of a file.
func field(path, key, sep string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		k, v, ok := strings.Cut(s.Text(), sep)
		if ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// Versions says which peers there are, with the versions of their modules or programs.
func Versions(peers []scenario.Peer) []Peer {
	modules := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			modules[d.Path] = d.Version
		}
	}
	var out []Peer
	for _, p := range peers {
		v := Peer{Name: p.Name, About: p.About, Ours: p.Ours, Go: p.Go, Version: modules[p.Module]}
		if v.Version == "" && p.Module != "" {
			v.Version = moduleVersion(p.Module)
		}
		if p.Version != "" {
			v.Version = programVersion(p.Version)
		}
		out = append(out, v)
	}
	return out
}

// moduleVersion asks the go command: the bench command itself does not link the peers.
func moduleVersion(module string) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", module).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// programVersion is the first number-like word of what the command prints.
func programVersion(command string) string {
	args := strings.Fields(command)
	out, _ := exec.Command(args[0], args[1:]...).CombinedOutput() // absent is empty
	for _, w := range bytes.FieldsFunc(out, func(r rune) bool { return strings.ContainsRune(" /\n", r) }) {
		if len(w) > 2 && w[0] >= '0' && w[0] <= '9' && bytes.IndexByte(w, '.') > 0 {
			return string(w)
		}
	}
	return ""
}
