//go:build unix

package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/examples/internal/apptest"
)

// TestSignal: SIGUSR1 prints the statistics, as the end does.
func TestSignal(t *testing.T) {
	to := upstream(t, "tcp", echo)
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-to", to)
	require.NoError(t, syscall.Kill(s.PID, syscall.SIGUSR1))
	require.Equal(t, 2, strings.Count(s.Stop(), "target="+to))
}
