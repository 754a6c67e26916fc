//go:build linux

package ring

import (
	"errors"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SyncCancel says what RegisterSyncCancel cancels and how long it waits.
type SyncCancel struct {
	UserData uint64        // what to match, unless Flags say otherwise
	FD       int           // with CancelFD: the descriptor, or slot with CancelFDFixed
	Op       Op            // with CancelOp: the opcode
	Flags    CancelFlags   // as for PrepCancel
	Timeout  time.Duration // how long to wait for requests that are running; negative is for ever
}

// syncCancelReg is struct io_uring_sync_cancel_reg.
type syncCancelReg struct {
	addr    uint64
	fd      int32
	flags   uint32
	timeout Timespec
	opcode  uint8
	_       [7]uint8
	_       [3]uint64
}

// RegisterSyncCancel cancels requests and waits until none that matches is running
// (io_uring_register_sync_cancel, 6.0; Op 6.6). The requests still complete through the ring, and only their
// final completions free their memory. ENOENT: nothing matches. ETIME: the timeout passed.
func (r *Ring) RegisterSyncCancel(c SyncCancel) error {
	arg := syncCancelReg{addr: c.UserData, fd: int32(c.FD), flags: uint32(c.Flags), opcode: uint8(c.Op)}
	if r.fd < 0 {
		return os.NewSyscallError("io_uring_register", unix.EBADF)
	}
	deadline := time.Now().Add(c.Timeout)
	for {
		if c.Timeout < 0 {
			arg.timeout = Timespec{Sec: -1, Nsec: -1}
		} else {
			arg.timeout.Set(max(time.Until(deadline), 0))
		}
		_, err := registerOnce(r.fd, RegisterSyncCancel, unsafe.Pointer(&arg), 1)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
