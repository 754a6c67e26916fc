package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/ring/probe"
)

var update = flag.Bool("update", false, "write the golden files anew")

// reports is where package probe keeps the reports of its own golden tests.
const reports = "../../probe/testdata"

func readReport(t *testing.T, name string) *probe.Report {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(reports, name+".json"))
	require.NoError(t, err)
	r := new(probe.Report)
	require.NoError(t, json.Unmarshal(text, r))
	return r
}

// call runs the command on a report instead of this machine.
func call(r *probe.Report, colour bool, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	c := command{stdout: &out, stderr: &errs, colour: colour, probe: reporting(r)}
	code = c.run(context.Background(), args)
	return code, out.String(), errs.String()
}

func reporting(r *probe.Report) func(context.Context, probe.Options) (*probe.Report, error) {
	return func(context.Context, probe.Options) (*probe.Report, error) { return r, nil }
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestText(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(reports, "*.json"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(paths), 10)
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		t.Run(name, func(t *testing.T) {
			code, out, errs := call(readReport(t, name), false)
			require.Equal(t, exitMet, code)
			require.Empty(t, errs)
			golden(t, name+".txt", out)
			for line := range strings.Lines(out) {
				require.LessOrEqual(t, len(line), 121, line)
				require.Equal(t, strings.TrimRight(line, " \n")+"\n", line, "space at the end")
			}
		})
	}
}

func TestVerbose(t *testing.T) {
	_, out, _ := call(readReport(t, "known-bad-6.12"), false, "-v")
	golden(t, "known-bad-6.12.verbose.txt", out)
}

func TestJSON(t *testing.T) {
	code, out, _ := call(readReport(t, "docker-seccomp"), true, "-json")
	require.Equal(t, exitMet, code)
	golden(t, "docker-seccomp.json", out)

	var doc struct {
		Schema   int
		Decision probe.Decision
		KnownBad []probe.KnownBad `json:"known_bad"`
		Features []probe.Feature
	}
	require.NoError(t, json.Unmarshal([]byte(out), &doc))
	require.Equal(t, probe.Schema, doc.Schema)
	require.Equal(t, "epoll: io_uring blocked by seccomp", doc.Decision.String())
	require.NotEmpty(t, doc.KnownBad)
	require.Len(t, doc.Features, len(probe.Catalogue()))
}

func TestColours(t *testing.T) {
	r := readReport(t, "docker-seccomp")
	_, plain, _ := call(r, false)
	require.NotContains(t, plain, "\x1b")
	_, painted, _ := call(r, true)
	require.Contains(t, painted, red+"FAIL"+reset)
	stripped := painted
	for _, code := range []string{green, yellow, red, bold, reset} {
		stripped = strings.ReplaceAll(stripped, code, "")
	}
	require.Equal(t, plain, stripped)
}

func TestColourfulNeedsATerminal(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer file.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a character device, as a terminal is
	require.NoError(t, err)
	defer null.Close()
	env := func(pairs ...string) func(string) string {
		return func(key string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == key {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	require.False(t, colourful(file, env("TERM", "xterm")))
	require.True(t, colourful(null, env("TERM", "xterm")))
	require.False(t, colourful(null, env("TERM", "xterm", "NO_COLOR", "1")))
	require.False(t, colourful(null, env("TERM", "dumb")))
	require.False(t, colourful(null, env()))
}

func TestRequire(t *testing.T) {
	for _, tt := range []struct {
		report, list string
		code         int
		out          string
	}{
		{"usable-6.18", "io_uring", exitMet, "io_uring: met\n"},
		{"usable-6.18", "io_uring,recv_multishot", exitMet, "io_uring: met\nrecv_multishot: met\n"},
		{"usable-6.18", "epoll, portable", exitMet, "epoll: met\nportable: met\n"},
		{"docker-seccomp", "io_uring", exitNotMet, "io_uring: not met: io_uring blocked by seccomp\n"},
		{"sysctl-2", "io_uring", exitNotMet, "io_uring: not met: io_uring blocked by sysctl\n"},
		{"docker-seccomp", "epoll,send_zc", exitNotMet,
			"epoll: met\nsend_zc: not met: io_uring blocked by seccomp\n"},
		{"known-bad-6.12", "io_uring,recv_bundle", exitNotMet,
			"io_uring: met\nrecv_bundle: not met: off: known bad: corrupts streams\n"},
		{"known-bad-6.12", "msg_ring_sync", exitNotMet, "msg_ring_sync: not met: no (EINVAL)\n"},
		{"too-old-5.10", "io_uring", exitNotMet,
			"io_uring: not met: io_uring lacks multishot recv over a buffer ring (Linux 6.0)\n"},
		{"not-linux", "epoll", exitNotMet, "epoll: not met: epoll needs Linux, this is darwin\n"},
		{"not-linux", "portable", exitMet, "portable: met\n"},
	} {
		code, out, errs := call(readReport(t, tt.report), false, "-require", tt.list)
		require.Equal(t, tt.code, code, "%s on %s", tt.list, tt.report)
		require.Equal(t, tt.out, out)
		require.Empty(t, errs)
	}
}

func TestRequireInJSON(t *testing.T) {
	code, out, _ := call(readReport(t, "docker-seccomp"), false, "-json", "-require=io_uring")
	require.Equal(t, exitNotMet, code)
	var doc struct{ Require []requirement }
	require.NoError(t, json.Unmarshal([]byte(out), &doc))
	require.Equal(t, []requirement{{Name: "io_uring", Reason: "io_uring blocked by seccomp"}}, doc.Require)
}

func TestUsage(t *testing.T) {
	r := readReport(t, "usable-6.18")
	for _, flag := range []string{"-h", "--help"} {
		code, out, errs := call(r, false, flag)
		require.Equal(t, exitMet, code)
		require.Equal(t, usage, out)
		require.Empty(t, errs)
	}
	for _, args := range [][]string{
		{"-bogus"}, {"extra"}, {"-require"}, {"-require", ""}, {"-require", " , "},
		{"-require", "io_uring,warp_drive"},
	} {
		code, out, errs := call(r, false, args...)
		require.Equal(t, exitFailed, code, args)
		require.Empty(t, out)
		require.Contains(t, errs, "ringprobe: ")
		require.Contains(t, errs, "ringprobe -h")
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestCouldNotRun(t *testing.T) {
	var errs bytes.Buffer
	c := command{stdout: brokenPipe{}, stderr: &errs,
		probe: func(context.Context, probe.Options) (*probe.Report, error) { return nil, context.DeadlineExceeded }}
	require.Equal(t, exitFailed, c.run(t.Context(), nil))
	require.Contains(t, errs.String(), context.DeadlineExceeded.Error())

	r := readReport(t, "usable-6.18")
	c.probe = func(context.Context, probe.Options) (*probe.Report, error) { return r, nil }
	for _, args := range [][]string{nil, {"-json"}, {"-require=io_uring"}} {
		require.Equal(t, exitFailed, c.run(t.Context(), args), args)
	}
}
