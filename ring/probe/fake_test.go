package probe

import (
	"syscall"
	"testing/fstest"
)

// fakeRoot is a root file system with what a container on a 6.12 kernel shows,
// changed by the given files; an empty text removes one.
func fakeRoot(change map[string]string) fstest.MapFS {
	files := map[string]string{
		pathRelease:  "6.12.38-amd64\n",
		pathDisabled: "0\n",
		pathGroup:    "-1\n",
		pathStatus:   fakeStatus("Seccomp:\t0", "Seccomp_filters:\t0"),
		pathUIDMap:   "         0          0 4294967295\n",
		pathLSM:      "lockdown,capability,landlock,yama,apparmor",
		pathLimits:   fakeLimits("8388608", "8388608"),
		pathCgroup:   "0::/\n",
	}
	for name, text := range change {
		files[name] = text
	}
	root := fstest.MapFS{}
	for name, text := range files {
		if text != "" {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return root
}

func fakeStatus(lines ...string) string {
	text := "Name:\tserver\nUid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\nGroups:\t27 998 \n" +
		"CapEff:\t0000000000000000\nNoNewPrivs:\t0\n"
	for _, line := range lines {
		text += line + "\n"
	}
	return text
}

func fakeLimits(soft, hard string) string {
	return "Limit                     Soft Limit           Hard Limit           Units     \n" +
		"Max open files            1024                 524288               files     \n" +
		"Max locked memory         " + soft + "              " + hard + "              bytes     \n"
}

// fakeFacts reads a fake root as Linux on one kind of machine, wherever the test
// runs.
func fakeFacts(root fstest.MapFS) facts {
	f := readFacts(root)
	f.host.OS, f.host.Arch, f.host.CPUs = "linux", "amd64", 4
	return f
}

const seccompFilter = "Seccomp:\t2"

// refused is what the three calls answer when the last one named is refused.
func refused(call string, errno syscall.Errno) []attempt {
	var list []attempt
	blocked := false
	for _, name := range []string{callSetup, callRegister, callEnter} {
		a := attempt{call: name, tried: !blocked}
		if name == call {
			a.errno, blocked = errno, true
		}
		list = append(list, a)
	}
	return list
}

// foundUpTo is what a mainline kernel of this version answers.
func foundUpTo(kernel Version) map[string]finding {
	found := make(map[string]finding)
	for _, f := range catalogue {
		got := finding{state: Yes, how: ByRoundTrip}
		if kernel.Less(f.Since) {
			got = finding{state: No, how: ByRoundTrip, errno: syscall.EINVAL}
		}
		found[f.ID] = got
	}
	return found
}

var allowed = refused("", 0)
