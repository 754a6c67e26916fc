package apptest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// Descriptors is how many descriptors the server has open; 0 where the system does
// not tell (it has no /proc). Those of Go's netpoller, which comes when it is first
// needed, are left out, and with them others of their kind.
func (s *Server) Descriptors() (n int) {
	for _, name := range s.Open() {
		switch name {
		case "", "anon_inode:[eventpoll]", "anon_inode:[eventfd]":
		default:
			n++
		}
	}
	return n
}

// Open lists what the server's descriptors are, for messages of tests.
func (s *Server) Open() []string {
	names, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", s.PID))
	for i, name := range names {
		names[i], _ = os.Readlink(name) // empty: closed meanwhile
	}
	return names
}

// Settled waits until no more than n descriptors are open.
func (s *Server) Settled(n int) {
	s.t.Helper()
	for end := time.Now().Add(watchdog); s.Descriptors() > n; time.Sleep(time.Millisecond) {
		require.True(s.t, time.Now().Before(end), "more than %d descriptors: %q", n, s.Open())
	}
}

// Memory is the server's resident memory in bytes; 0 where the system does not tell.
func (s *Server) Memory() int64 { return s.status("VmRSS:") }

// PeakMemory is the most it ever was.
func (s *Server) PeakMemory() int64 { return s.status("VmHWM:") }

// MemoryCounts reports whether a bound on memory is to hold: the system tells it, and
// no injected faults keep transfers from coming on.
func (s *Server) MemoryCounts() bool { return s.Memory() > 0 && underFaults == "" }

// status reads a size from /proc/PID/status.
func (s *Server) status(field string) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field); ok {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return n << 10
		}
	}
	return 0
}
