//go:build linux

package sock

import (
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
)

// OpenPipe makes a pipe that does not block and is not inherited. The error is ENOBUFS
// if the system gives but a small one.
func OpenPipe() (driver.Pipe, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return driver.Pipe{}, err
	}
	p := driver.Pipe{R: fds[0], W: fds[1]}
	for size := pipeSize; ; size /= 2 {
		got, err := unix.FcntlInt(uintptr(p.R), unix.F_SETPIPE_SZ, size)
		switch {
		case err == nil && got >= pipeLeast:
			return p, nil
		case err == nil || size/2 < pipeLeast:
			ClosePipe(p)
			return driver.Pipe{}, unix.ENOBUFS
		}
	}
}

// pipeSize is room for that many pages of whatever content: the kernel passes on what
// it has in pages, or in larger pieces.
const pipeSize = 1 << 20

// pipeLeast is the smallest pipe worth having: one of 64 KiB moves bytes no cheaper
// than chunks do. Users without privileges get pipes of two pages once they have
// pipe-user-pages-soft pages in pipes, which is 64 pipes of ours.
const pipeLeast = 256 << 10

// ClosePipe closes both ends.
func ClosePipe(p driver.Pipe) {
	_ = unix.Close(p.R)
	_ = unix.Close(p.W)
}

// SpliceMax bounds one call of Splice, so that others have their turn.
const SpliceMax = 512 << 10

// Splice is one splice(2) between a pipe and a socket, either way, that waits for
// neither. 0 and no error is the end of the stream.
func Splice(out, in int, n int64) (int, error) {
	n = min(n, SpliceMax)
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
