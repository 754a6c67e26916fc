//go:build linux

package runtime_test

import (
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const (
	errNoSpace = unix.ENOSPC
	errBadFile = unix.EBADF
	errInvalid = unix.EINVAL
)

// fullDisk opens a file on a disk with little room, told in bytes: a small tmpfs
// where the test may mount one, else /dev/full, which has none.
func fullDisk(t *testing.T) (f *os.File, room int) {
	t.Helper()
	const size = 1 << 20
	name := "/dev/full"
	if dir, err := mountSmall(t, size); err == nil {
		name, room = filepath.Join(dir, "file"), size
	} else {
		t.Logf("using %s: no tmpfs of our own (%v)", name, err)
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f, room
}

// mountSmall opens a tmpfs of size bytes that nobody else sees: it is mounted in a
// namespace of one thread, which ends at once, and reached by the descriptor of its
// folder.
func mountSmall(t *testing.T, size int) (dir string, err error) {
	target := t.TempDir()
	opened := make(chan error)
	var folder *os.File
	go func() {
		goruntime.LockOSThread() // never unlocked: the thread ends with the goroutine
		opened <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
				return os.NewSyscallError("unshare", err)
			}
			if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
				return os.NewSyscallError("mount", err)
			}
			if err := unix.Mount("small", target, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
				return os.NewSyscallError("mount", err)
			}
			var err error
			folder, err = os.Open(target)
			return err
		}()
	}()
	if err := <-opened; err != nil {
		return "", err
	}
	t.Cleanup(func() { folder.Close() })
	return fmt.Sprintf("/proc/self/fd/%d", folder.Fd()), nil
}
