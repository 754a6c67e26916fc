//go:build !linux

package runtime_test

import (
	"os"
	"syscall"
	"testing"
)

const (
	errNoSpace = syscall.ENOSPC
	errBadFile = syscall.EBADF
	errInvalid = syscall.EINVAL
)

func fullDisk(t *testing.T) (*os.File, int) {
	t.Helper()
	t.Skip("no full disk on this system")
	return nil, 0
}
