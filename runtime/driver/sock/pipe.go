//go:build linux

package sock

import (
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
)

// OpenPipe makes a pipe that does not block and is not inherited.
func OpenPipe() (driver.Pipe, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return driver.Pipe{}, err
	}
	// What the user may not have, or not any more, a smaller pipe does as well.
	_, _ = unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, pipeSize)
	return driver.Pipe{R: fds[0], W: fds[1]}, nil
}

// pipeSize is room for that many pages of whatever content: the kernel passes on what
// it has in pages, or in larger pieces.
const pipeSize = 1 << 20

// ClosePipe closes both ends.
func ClosePipe(p driver.Pipe) {
	_ = unix.Close(p.R)
	_ = unix.Close(p.W)
}

// spliceMax bounds one call of Splice, so that others have their turn.
const spliceMax = 512 << 10

// Splice is one splice(2) between a pipe and a socket, either way, that waits for
// neither. 0 and no error is the end of the stream.
func Splice(out, in int, n int64) (int, error) {
	n = min(n, spliceMax)
	for {
		moved, _, errno := unix.RawSyscall6(unix.SYS_SPLICE, uintptr(in), 0, uintptr(out), 0, uintptr(n),
			unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		switch errno {
		case 0:
			return int(moved), nil
		case unix.EINTR:
			continue
		}
		return 0, errno
	}
}
