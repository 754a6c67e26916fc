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
	if r.fd < 0 {
		return os.NewSyscallError("io_uring_register", unix.EBADF)
	}
	if err := iouring.IOURingRegister(r.fd, uint8(op), arg, nr); err != nil {
		return os.NewSyscallError("io_uring_register", bareErrno(err))
	}
	return nil
}

// registerCount is io_uring_register(2) for the calls that return a count.
func (r *Ring) registerCount(op RegisterOp, arg unsafe.Pointer, nr uint32) (int, error) {
	if r.fd < 0 {
		return 0, os.NewSyscallError("io_uring_register", unix.EBADF)
	}
	for {
		n, err := registerOnce(r.fd, op, arg, nr)
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// registerBlind is io_uring_register(2) for the calls that need no ring.
func registerBlind(op RegisterOp, arg unsafe.Pointer, nr uint32) error {
	for {
		_, err := registerOnce(-1, op, arg, nr)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// registerOnce is one io_uring_register(2), which a signal may end with EINTR.
func registerOnce(fd int, op RegisterOp, arg unsafe.Pointer, nr uint32) (int, error) {
	n, _, errno := syscall.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(fd), uintptr(op), uintptr(arg),
		uintptr(nr), 0, 0)
	if errno != 0 {
		return 0, os.NewSyscallError("io_uring_register", errno)
	}
	return int(n), nil
}
