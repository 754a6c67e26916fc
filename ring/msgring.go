//go:build linux

package ring

import "unsafe"

// SyncMsgRing posts a completion with this user data and result to the ring behind ringFD, from any thread
// and without a ring of one's own (io_uring_register_sync_msg, 6.13). It is safe for concurrent use, does not
// allocate, and makes a waiting ring wake up.
//
// EINVAL: the kernel is older. EBADF: ringFD is not open. EBADFD: it is no ring, or one that is still disabled.
// EOVERFLOW: it has no room.
func SyncMsgRing(ringFD int, res int32, userData uint64) error {
	var sqe SQE
	sqe.PrepMsgRing(ringFD, res, userData, 0)
	return registerBlind(RegisterSendMsgRing, unsafe.Pointer(&sqe), 1)
}
