//go:build linux

package ring

import "unsafe"

// PrepNop does nothing, and completes with zero (io_uring_prep_nop, 5.1).
func (s *SQE) PrepNop() {
	s.prep(OpNop, -1, 0, 0, 0)
}

// TimeoutFlags are the flags of timeout entries (sqe->timeout_flags).
type TimeoutFlags uint32

// Timeout flags; the comment gives the uapi name and first kernel.
const (
	TimeoutAbs          TimeoutFlags = 1 << iota // IORING_TIMEOUT_ABS, 5.5
	timeoutUpdate                                // IORING_TIMEOUT_UPDATE, 5.11
	TimeoutBoottime                              // IORING_TIMEOUT_BOOTTIME, 5.15
	TimeoutRealtime                              // IORING_TIMEOUT_REALTIME, 5.15
	LinkTimeoutUpdate                            // IORING_LINK_TIMEOUT_UPDATE, 5.15
	TimeoutETimeSuccess                          // IORING_TIMEOUT_ETIME_SUCCESS, 5.16
	TimeoutMultishot                             // IORING_TIMEOUT_MULTISHOT, 6.4
)

// PrepTimeout completes with ETIME once ts has passed, or with zero after count other completions, if count
// is not zero (io_uring_prep_timeout, 5.4). ts is read when the entry is submitted.
func (s *SQE) PrepTimeout(ts *Timespec, count uint32, flags TimeoutFlags) {
	s.prep(OpTimeout, -1, address(unsafe.Pointer(ts)), 1, uint64(count))
	s.OpFlags = uint32(flags)
}

// PrepTimeoutRemove ends the timeout with this user data (io_uring_prep_timeout_remove, 5.5), which completes
// with ECANCELED. ENOENT: there is none; EBUSY or EALREADY: it is completing now.
func (s *SQE) PrepTimeoutRemove(userData uint64) {
	s.prep(OpTimeoutRemove, -1, userData, 0, 0)
}

// PrepTimeoutUpdate sets a new time for the timeout with this user data (io_uring_prep_timeout_update, 5.11).
// With LinkTimeoutUpdate it means a linked one. ts is read when the entry is submitted.
func (s *SQE) PrepTimeoutUpdate(ts *Timespec, userData uint64, flags TimeoutFlags) {
	s.prep(OpTimeoutRemove, -1, userData, 0, address(unsafe.Pointer(ts)))
	s.OpFlags = uint32(flags | timeoutUpdate)
}

// PrepLinkTimeout cancels the entry before it, which must carry SQEIOLink, once ts has passed
// (io_uring_prep_link_timeout, 5.5). It completes with ETIME, or ECANCELED if the entry was done in time. ts
// is read when the entry is submitted.
func (s *SQE) PrepLinkTimeout(ts *Timespec, flags TimeoutFlags) {
	s.prep(OpLinkTimeout, -1, address(unsafe.Pointer(ts)), 1, 0)
	s.OpFlags = uint32(flags)
}

// CancelFlags choose what an asynchronous cancel matches (sqe->cancel_flags).
type CancelFlags uint32

// Cancel flags; the comment gives the uapi name and first kernel. With CancelAll and CancelAny the result
// counts the matches.
const (
	CancelAll      CancelFlags = 1 << iota // IORING_ASYNC_CANCEL_ALL, 5.19: every match
	CancelFD                               // IORING_ASYNC_CANCEL_FD, 5.19: match the descriptor
	CancelAny                              // IORING_ASYNC_CANCEL_ANY, 5.19: match everything
	CancelFDFixed                          // IORING_ASYNC_CANCEL_FD_FIXED, 6.0: the descriptor is a slot
	CancelUserData                         // IORING_ASYNC_CANCEL_USERDATA, 6.6: match the user data too
	CancelOp                               // IORING_ASYNC_CANCEL_OP, 6.6: match the opcode
)

// PrepCancel cancels the request with this user data (io_uring_prep_cancel64, 5.5), or with CancelAny any.
//
// The result is zero, the number cancelled with CancelAll or CancelAny, ENOENT or EALREADY. It says nothing
// about the target's memory: only the target's own final completion does, and it may still be a success.
func (s *SQE) PrepCancel(userData uint64, flags CancelFlags) {
	s.prep(OpAsyncCancel, -1, userData, 0, 0)
	s.OpFlags = uint32(flags)
}

// PrepCancelFD cancels requests on fd, one or with CancelAll all (io_uring_prep_cancel_fd, 5.19). Results as
// for PrepCancel. CancelFDFixed makes fd a slot.
func (s *SQE) PrepCancelFD(fd int, flags CancelFlags) {
	s.prep(OpAsyncCancel, fd, 0, 0, 0)
	s.OpFlags = uint32(flags | CancelFD)
}

// PrepCancelOp cancels requests with opcode op, one or with CancelAll all (6.6). Results as for PrepCancel.
func (s *SQE) PrepCancelOp(op Op, flags CancelFlags) {
	s.prep(OpAsyncCancel, -1, 0, uint32(op), 0)
	s.OpFlags = uint32(flags | CancelOp)
}

// PrepClose closes a descriptor (io_uring_prep_close, 5.6). It neither cancels requests on it nor waits for
// them; a socket's FIN goes out when the last of them has ended.
func (s *SQE) PrepClose(fd int) {
	s.prep(OpClose, fd, 0, 0, 0)
}

// PrepCloseDirect empties a slot of the registered files (io_uring_prep_close_direct, 5.15).
func (s *SQE) PrepCloseDirect(slot uint32) {
	s.prep(OpClose, 0, 0, 0, 0)
	s.setDirect(slot)
}

// Flags and commands of PrepMsgRing and PrepMsgRingFD; the comment gives the uapi name and first kernel.
const (
	MsgRingCQESkip   uint32 = 1 << 0 // IORING_MSG_RING_CQE_SKIP, 6.0
	MsgRingFlagsPass uint32 = 1 << 1 // IORING_MSG_RING_FLAGS_PASS, 6.3

	msgData   = 0 // IORING_MSG_DATA
	msgSendFD = 1 // IORING_MSG_SEND_FD
)

// PrepMsgRing posts a completion with this user data and result to the ring behind ringFD
// (io_uring_prep_msg_ring, 5.18). EOVERFLOW: it has no room; EBADFD: ringFD is no ring, or one that is still
// disabled.
func (s *SQE) PrepMsgRing(ringFD int, res int32, userData uint64, flags uint32) {
	s.prep(OpMsgRing, ringFD, msgData, uint32(res), userData)
	s.OpFlags = flags
}

// PrepMsgRingFD puts the file in this ring's slot src into slot dst, or FileIndexAlloc, of the ring behind
// ringFD, and posts a completion with this user data there unless MsgRingCQESkip (io_uring_prep_msg_ring_fd,
// 6.0).
func (s *SQE) PrepMsgRingFD(ringFD int, src, dst uint32, userData uint64, flags uint32) {
	s.prep(OpMsgRing, ringFD, msgSendFD, 0, userData)
	s.Addr3 = uint64(src)
	s.setDirect(dst)
	s.OpFlags = flags
}

// FixedFDNoCloexec makes PrepFixedFDInstall clear close-on-exec (IORING_FIXED_FD_NO_CLOEXEC, 6.8).
const FixedFDNoCloexec uint32 = 1

// PrepFixedFDInstall gives the file in a slot of the registered files a normal descriptor too, which is the
// result (io_uring_prep_fixed_fd_install, 6.8). It adds SQEFixedFile.
func (s *SQE) PrepFixedFDInstall(slot uint32, flags uint32) {
	s.prep(OpFixedFDInstall, int(slot), 0, 0, 0)
	s.Flags |= SQEFixedFile
	s.OpFlags = flags
}
