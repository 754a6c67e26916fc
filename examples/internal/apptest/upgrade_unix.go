//go:build unix

package apptest

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// Upgrade has the server hand over to a new process, which s stands for from now
// on. The old one may still have connections.
func (s *Server) Upgrade() {
	s.t.Helper()
	p, err := os.FindProcess(s.PID)
	require.NoError(s.t, err)
	require.NoError(s.t, p.Signal(syscall.SIGHUP))
	line := s.Await("handed over pid=")
	s.PID, err = strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "handed over pid=")))
	require.NoError(s.t, err)
	pid := s.PID
	s.t.Cleanup(func() {
		if !s.ended {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
}

// Await waits until the server prints a line that begins so.
func (s *Server) Await(prefix string) string {
	s.t.Helper()
	patience := time.NewTimer(watchdog)
	defer patience.Stop()
	for {
		select {
		case line := <-s.lines:
			if strings.HasPrefix(line, prefix) {
				return line
			}
		case <-patience.C:
			require.FailNow(s.t, "the server did not print "+prefix)
		}
	}
}
