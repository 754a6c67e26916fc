//go:build linux

package ring

import (
	"errors"
	"os"
	"syscall"
	"unsafe"

	iouring "github.com/iceber/iouring-go/syscall"
	"golang.org/x/sys/unix"
)

// register is io_uring_register(2) for the calls that return nothing but success.
func (r *Ring) register(op RegisterOp, arg unsafe.Pointer, nr uint32) error {
	err := iouring.IOURingRegister(r.fd, uint8(op), arg, nr)
	if err != nil {
		return os.NewSyscallError("io_uring_register", bareErrno(err))
	}
	return nil
}

// registerResult is io_uring_register(2) for the calls that return a count, or work without a ring (fd -1).
func registerResult(fd int, op RegisterOp, arg unsafe.Pointer, nr uint32) (int, error) {
	for {
		n, err := registerOnce(fd, op, arg, nr)
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// registerOnce is registerResult that lets a signal end it with EINTR.
func registerOnce(fd int, op RegisterOp, arg unsafe.Pointer, nr uint32) (int, error) {
	n, _, errno := syscall.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(fd), uintptr(op), uintptr(arg),
		uintptr(nr), 0, 0)
	if errno != 0 {
		return 0, os.NewSyscallError("io_uring_register", errno)
	}
	return int(n), nil
}
