package apptest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Descriptors is how many descriptors the server has open; 0 where the system does
// not tell (it has no /proc).
func (s *Server) Descriptors() int {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.PID))
	if err != nil {
		return 0
	}
	return len(list)
}

// Memory is the server's resident memory in bytes; 0 where the system does not tell.
func (s *Server) Memory() int64 { return s.status("VmRSS:") }

// PeakMemory is the most it ever was.
func (s *Server) PeakMemory() int64 { return s.status("VmHWM:") }

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
