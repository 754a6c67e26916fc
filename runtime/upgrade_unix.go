//go:build unix

package runtime

import (
	"os"

	"golang.org/x/sys/unix"
)

// closeOnExec marks a descriptor, which must be open.
func closeOnExec(fd int) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFD, flags|unix.FD_CLOEXEC)
	}
	return os.NewSyscallError("fcntl", err)
}

// duplicate returns a second descriptor for what fd is.
func duplicate(fd uintptr, name string) (*os.File, error) {
	n, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(n), name), nil
}
