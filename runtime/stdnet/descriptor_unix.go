//go:build unix

package stdnet

import (
	"os"

	"golang.org/x/sys/unix"
)

// duplicateDescriptor duplicates a descriptor, close-on-exec.
func duplicateDescriptor(fd uintptr) (int, error) {
	n, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	return n, os.NewSyscallError("fcntl", err)
}

func closeDescriptor(fd int) { _ = unix.Close(fd) }
