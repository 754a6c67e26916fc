package probe

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldenReports are the cases whose JSON form is kept in testdata. The command's
// tests read the files too and print them.
func goldenReports() map[string]*Report {
	type files = map[string]string
	report := func(container string, change files, attempts []attempt) *Report {
		f := fakeFacts(fakeRoot(change))
		f.host.Container = container
		return assemble(f, live{attempts: attempts, found: foundUpTo(f.host.Kernel)})
	}
	filter := fakeStatus(seccompFilter, "Seccomp_filters:\t1", "NoNewPrivs:\t1")
	unlimited := fakeLimits("unlimited", "unlimited")
	darwin := fakeFacts(nil)
	darwin.host.OS, darwin.host.Arch = "darwin", "arm64"
	return map[string]*Report{
		"usable-6.18":    report("", files{pathRelease: "6.18.44", pathLimits: unlimited}, allowed),
		"known-bad-6.12": report("", nil, allowed),
		"too-old-5.10":   report("", files{pathRelease: "5.10.0-35-cloud-amd64", pathDisabled: ""}, allowed),
		"docker-seccomp": report("docker", files{pathStatus: filter}, refused(callSetup, syscall.EPERM)),
		"enter-seccomp":  report("kubernetes", files{pathStatus: filter}, refused(callEnter, syscall.ENOSYS)),
		"sysctl-2":       report("", files{pathDisabled: "2"}, nil),
		"selinux": report("", files{pathLSM: "lockdown,capability,selinux", pathSELinux: "1"},
			refused(callSetup, syscall.EACCES)),
		"memlock": report("", files{pathLimits: fakeLimits("65536", "65536")},
			refused(callSetup, syscall.ENOMEM)),
		"without-uring": report("", files{pathDisabled: "", pathRelease: "4.19.0"},
			refused(callSetup, syscall.ENOSYS)),
		"not-linux": assemble(darwin, live{}),
	}
}

func TestGolden(t *testing.T) {
	for name, r := range goldenReports() {
		t.Run(name, func(t *testing.T) {
			got, err := json.MarshalIndent(r, "", "  ")
			require.NoError(t, err)
			got = append(got, '\n')
			path := filepath.Join("testdata", name+".json")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(path, got, 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))
		})
	}
}

// A report that was written and read again decides the same.
func TestGoldenRoundTrip(t *testing.T) {
	for name, r := range goldenReports() {
		text, err := json.Marshal(r)
		require.NoError(t, err)
		var back Report
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		require.NoError(t, dec.Decode(&back))
		require.Equal(t, Decide(r, Want{}), Decide(&back, Want{}), name)
		again, err := json.Marshal(&back)
		require.NoError(t, err)
		require.Equal(t, string(text), string(again), name)
	}
}
