//go:build unix

package stdnet_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/stdnet"
)

// TestFilesDoNotBlock: os/exec asks a file that it passes on for its Fd, and the listener
// here goes on accepting beside the process that gets it.
func TestFilesDoNotBlock(t *testing.T) {
	ln := listen(t, newRuntime(t), "tcp", stdnet.Auto).(*stdnet.Listener)
	files, err := ln.Files()
	require.NoError(t, err)
	require.Len(t, files, 1)
	defer files[0].Close()
	mode, err := unix.FcntlInt(files[0].Fd(), unix.F_GETFL, 0)
	require.NoError(t, err)
	require.NotZero(t, mode&unix.O_NONBLOCK)
	require.NoError(t, ln.Close())
	_, err = ln.Files()
	require.Error(t, err)
}
