//go:build linux

package ring

import (
	"os"
	"syscall"
	"unsafe"

	iouring "github.com/iceber/iouring-go/syscall"
	"golang.org/x/sys/unix"
)

// registerOp is an opcode of io_uring_register(2).
type registerOp uint8

// Register opcodes in kernel order; the comment gives the uapi name and the first kernel.
const (
	registerBuffers        registerOp = iota // IORING_REGISTER_BUFFERS, 5.1
	unregisterBuffers                        // IORING_UNREGISTER_BUFFERS, 5.1
	registerFiles                            // IORING_REGISTER_FILES, 5.1
	unregisterFiles                          // IORING_UNREGISTER_FILES, 5.1
	registerEventFD                          // IORING_REGISTER_EVENTFD, 5.2
	unregisterEventFD                        // IORING_UNREGISTER_EVENTFD, 5.2
	registerFilesUpdate                      // IORING_REGISTER_FILES_UPDATE, 5.5
	registerEventFDAsync                     // IORING_REGISTER_EVENTFD_ASYNC, 5.6
	registerProbe                            // IORING_REGISTER_PROBE, 5.6
	registerPersonality                      // IORING_REGISTER_PERSONALITY, 5.6
	unregisterPersonality                    // IORING_UNREGISTER_PERSONALITY, 5.6
	registerRestrictions                     // IORING_REGISTER_RESTRICTIONS, 5.10
	registerEnableRings                      // IORING_REGISTER_ENABLE_RINGS, 5.10
	registerFiles2                           // IORING_REGISTER_FILES2, 5.13
	registerFilesUpdate2                     // IORING_REGISTER_FILES_UPDATE2, 5.13
	registerBuffers2                         // IORING_REGISTER_BUFFERS2, 5.13
	registerBuffersUpdate                    // IORING_REGISTER_BUFFERS_UPDATE, 5.13
	registerIOWQAff                          // IORING_REGISTER_IOWQ_AFF, 5.14
	unregisterIOWQAff                        // IORING_UNREGISTER_IOWQ_AFF, 5.14
	registerIOWQMaxWorkers                   // IORING_REGISTER_IOWQ_MAX_WORKERS, 5.15
	registerRingFDs                          // IORING_REGISTER_RING_FDS, 5.18
	unregisterRingFDs                        // IORING_UNREGISTER_RING_FDS, 5.18
	registerPBufRing                         // IORING_REGISTER_PBUF_RING, 5.19
	unregisterPBufRing                       // IORING_UNREGISTER_PBUF_RING, 5.19
	registerSyncCancel                       // IORING_REGISTER_SYNC_CANCEL, 6.0
	registerFileAllocRange                   // IORING_REGISTER_FILE_ALLOC_RANGE, 6.0
	registerPBufStatus                       // IORING_REGISTER_PBUF_STATUS, 6.8
	registerNAPI                             // IORING_REGISTER_NAPI, 6.9
	unregisterNAPI                           // IORING_UNREGISTER_NAPI, 6.9
	registerClock                            // IORING_REGISTER_CLOCK, 6.12
	registerCloneBuffers                     // IORING_REGISTER_CLONE_BUFFERS, 6.12
	registerSendMsgRing                      // IORING_REGISTER_SEND_MSG_RING, 6.13
	registerZCRXIfq                          // IORING_REGISTER_ZCRX_IFQ, 6.15
	registerResizeRings                      // IORING_REGISTER_RESIZE_RINGS, 6.13
	registerMemRegion                        // IORING_REGISTER_MEM_REGION, 6.13
	registerQuery                            // IORING_REGISTER_QUERY, 6.18
)

// register is io_uring_register(2) for the calls that return nothing but success.
func (r *Ring) register(op registerOp, arg unsafe.Pointer, nr uint32) error {
	err := iouring.IOURingRegister(r.fd, uint8(op), arg, nr)
	if err != nil {
		return os.NewSyscallError("io_uring_register", bareErrno(err))
	}
	return nil
}

// registerResult is io_uring_register(2) for the calls that return a count, or work without a ring (fd -1).
func registerResult(fd int, op registerOp, arg unsafe.Pointer, nr uint32) (int, error) {
	for {
		n, _, errno := syscall.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(fd), uintptr(op), uintptr(arg),
			uintptr(nr), 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
			continue
		default:
			return 0, os.NewSyscallError("io_uring_register", errno)
		}
	}
}
