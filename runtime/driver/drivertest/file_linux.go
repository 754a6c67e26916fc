//go:build linux

package drivertest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// smallDisk returns a file on a file system of size bytes. It is mounted in a
// namespace of its own, which lasts as long as the file is open.
func smallDisk(h *harness, size int) *os.File {
	dir, err := os.MkdirTemp("", "hr")
	require.NoError(h.t, err)
	h.t.Cleanup(func() { os.RemoveAll(dir) })
	var f *os.File
	done := make(chan error)
	go func() {
		goruntime.LockOSThread() // and never unlocked: the thread ends with its namespace
		f, err = mountAndCreate(dir, size)
		done <- err
	}()
	err = <-done
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		h.t.Skip("may not mount a small file system:", err)
	}
	require.NoError(h.t, err)
	h.t.Cleanup(func() { f.Close() })
	return f
}

func mountAndCreate(dir string, size int) (*os.File, error) {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return nil, err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, err
	}
	if err := unix.Mount("headrace", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		return nil, err
	}
	return os.Create(filepath.Join(dir, "f"))
}
