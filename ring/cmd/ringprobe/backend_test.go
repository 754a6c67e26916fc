package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/ring/probe"
	"github.com/headrace/headrace/runtime"
)

// named runs the command on a report where HEADRACE_BACKEND says backend.
func named(t *testing.T, report, backend string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	c := command{stdout: &out, stderr: &errs, backend: backend, probe: reporting(readReport(t, report))}
	code = c.run(t.Context(), args)
	return code, out.String(), errs.String()
}

const seccomp = "HEADRACE_BACKEND=io_uring can not run: io_uring blocked by seccomp"

// TestNamedBackend: what the environment names is what programs get.
func TestNamedBackend(t *testing.T) {
	for _, tt := range []struct{ report, backend, engine, reason, verdict string }{
		{"usable-6.18", "", "io_uring", "usable", "io_uring usable: the runtime will choose io_uring"},
		{"usable-6.18", "auto", "io_uring", "usable", "io_uring usable: the runtime will choose io_uring"},
		{"usable-6.18", "io_uring", "io_uring", "HEADRACE_BACKEND=io_uring",
			"HEADRACE_BACKEND=io_uring: the runtime will choose io_uring"},
		{"usable-6.18", "epoll", "epoll", "HEADRACE_BACKEND=epoll", "HEADRACE_BACKEND=epoll: the runtime will choose epoll"},
		{"usable-6.18", "portable", "portable", "HEADRACE_BACKEND=portable",
			"HEADRACE_BACKEND=portable: the runtime will choose portable"},
		{"docker-seccomp", "auto", "epoll", "io_uring blocked by seccomp",
			"io_uring blocked by seccomp: the runtime will choose epoll"},
		{"docker-seccomp", "io_uring", "", seccomp, seccomp + ": the runtime will not start"},
	} {
		code, out, errs := named(t, tt.report, tt.backend)
		require.Equal(t, exitMet, code)
		require.Empty(t, errs)
		require.Equal(t, tt.verdict+"\n", out[:len(tt.verdict)+1])

		code, out, errs = named(t, tt.report, tt.backend, "-json")
		require.Equal(t, exitMet, code)
		require.Empty(t, errs)
		var doc struct {
			Decision probe.Decision
			Engines  []probe.EngineStatus
		}
		require.NoError(t, json.Unmarshal([]byte(out), &doc))
		require.Equal(t, tt.engine, doc.Decision.Engine)
		require.Equal(t, tt.reason, doc.Decision.Reason)
		require.Equal(t, tt.engine == "io_uring", doc.Decision.Has("recv_multishot"))
		require.Len(t, doc.Engines, 3)
		for _, e := range doc.Engines {
			require.Equal(t, e.Engine == tt.engine, e.Chosen, "%s with %q", e.Engine, tt.backend)
		}
	}
}

// TestRequireNamedBackend: no program gets an engine besides the one that is named.
func TestRequireNamedBackend(t *testing.T) {
	for _, tt := range []struct {
		report, backend, list string
		code                  int
		out                   string
	}{
		{"usable-6.18", "auto", "io_uring,epoll", exitMet, "io_uring: met\nepoll: met\n"},
		{"usable-6.18", "io_uring", "io_uring,recv_multishot", exitMet, "io_uring: met\nrecv_multishot: met\n"},
		{"usable-6.18", "epoll", "epoll", exitMet, "epoll: met\n"},
		{"usable-6.18", "epoll", "io_uring", exitNotMet, "io_uring: not met: HEADRACE_BACKEND=epoll\n"},
		{"usable-6.18", "epoll", "portable", exitNotMet, "portable: not met: HEADRACE_BACKEND=epoll\n"},
		{"usable-6.18", "epoll", "recv_multishot", exitNotMet, "recv_multishot: not met: HEADRACE_BACKEND=epoll\n"},
		{"docker-seccomp", "io_uring", "epoll,io_uring,send_zc", exitNotMet,
			"epoll: not met: " + seccomp + "\nio_uring: not met: " + seccomp + "\nsend_zc: not met: " + seccomp + "\n"},
	} {
		code, out, errs := named(t, tt.report, tt.backend, "-require", tt.list)
		require.Equal(t, tt.code, code, "%s with %q", tt.list, tt.backend)
		require.Equal(t, tt.out, out)
		require.Empty(t, errs)
	}
}

// TestUnknownBackend: what programs refuse is an error here.
func TestUnknownBackend(t *testing.T) {
	for _, args := range [][]string{nil, {"-json"}, {"-require=epoll"}} {
		code, out, errs := named(t, "usable-6.18", "kqueue", args...)
		require.Equal(t, exitFailed, code)
		require.Empty(t, out)
		require.Equal(t, "ringprobe: HEADRACE_BACKEND: unknown backend \"kqueue\" "+
			"(have auto, io_uring, epoll, portable)\n", errs)
	}
	code, out, _ := named(t, "usable-6.18", "kqueue", "-h")
	require.Equal(t, exitMet, code)
	require.Equal(t, usage, out)
}

// TestAsTheRuntime: the variable, and what it may say, are the runtime's.
func TestAsTheRuntime(t *testing.T) {
	c := newCommand(func(key string) string {
		if key == runtime.BackendEnv {
			return "epoll"
		}
		return ""
	})
	require.Equal(t, "epoll", c.backend)
	for _, name := range []string{"auto", "io_uring", "epoll", "portable", "kqueue", "Epoll"} {
		var b runtime.Backend
		if err := b.UnmarshalText([]byte(name)); err != nil {
			require.EqualError(t, checkBackend(name), runtime.BackendEnv+": "+err.Error())
		} else {
			require.NoError(t, checkBackend(name))
		}
	}
}
