//go:build linux && (amd64 || arm64)

package sock

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

func sendfile(out, in int, off *int64, n int) (int, error) {
	call := unix.RawSyscall6
	if n > SendfileMax {
		call = unix.Syscall6
	}
	written, _, errno := call(unix.SYS_SENDFILE, uintptr(out), uintptr(in),
		uintptr(unsafe.Pointer(off)), uintptr(n), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(written), nil
}
