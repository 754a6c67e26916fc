//go:build linux

package ring

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Flags of send and receive entries, kept in SQE.Ioprio; the comment gives the uapi name and first kernel.
const (
	RecvSendPollFirst uint16 = 1 << iota // IORING_RECVSEND_POLL_FIRST, 5.19
	RecvMultishot                        // IORING_RECV_MULTISHOT, 6.0
	RecvSendFixedBuf                     // IORING_RECVSEND_FIXED_BUF, 6.0
	SendZCReportUsage                    // IORING_SEND_ZC_REPORT_USAGE, 6.2
	RecvSendBundle                       // IORING_RECVSEND_BUNDLE, 6.10
	SendVectorized                       // IORING_SEND_VECTORIZED, 6.17
)

// Flags of accept entries, kept in SQE.Ioprio; the comment gives the uapi name and first kernel.
const (
	AcceptMultishot uint16 = 1 << iota // IORING_ACCEPT_MULTISHOT, 5.19
	AcceptDontwait                     // IORING_ACCEPT_DONTWAIT, 6.10
	AcceptPollFirst                    // IORING_ACCEPT_POLL_FIRST, 6.10
)

// PrepAccept accepts one connection (io_uring_prep_accept, 5.5); the result is its descriptor. flags are
// those of accept4(2). addr and addrLen may be nil; the kernel writes to both until the completion.
func (s *SQE) PrepAccept(fd int, addr *unix.RawSockaddrAny, addrLen *uint32, flags int) {
	s.prep(OpAccept, fd, address(unsafe.Pointer(addr)), 0, address(unsafe.Pointer(addrLen)))
	s.OpFlags = uint32(flags)
}

// PrepAcceptDirect is PrepAccept into a slot of the registered files, or FileIndexAlloc
// (io_uring_prep_accept_direct, 5.15). flags must not hold SOCK_CLOEXEC.
func (s *SQE) PrepAcceptDirect(fd int, addr *unix.RawSockaddrAny, addrLen *uint32, flags int, slot uint32) {
	s.PrepAccept(fd, addr, addrLen, flags)
	s.setDirect(slot)
}

// PrepMultishotAccept accepts until it is cancelled or fails (io_uring_prep_multishot_accept, 5.19); each
// result is a descriptor. It tells no peer addresses: completions may be many before anyone looks.
func (s *SQE) PrepMultishotAccept(fd int, flags int) {
	s.PrepAccept(fd, nil, nil, flags)
	s.Ioprio = AcceptMultishot
}

// PrepMultishotAcceptDirect is PrepMultishotAccept into slots that the kernel chooses
// (io_uring_prep_multishot_accept_direct, 5.19). ENFILE: no slot is free.
func (s *SQE) PrepMultishotAcceptDirect(fd int, flags int) {
	s.PrepMultishotAccept(fd, flags)
	s.setDirect(FileIndexAlloc)
}

// PrepConnect connects a socket (io_uring_prep_connect, 5.5). addr points to a sockaddr of addrLen bytes,
// read when the entry is submitted.
func (s *SQE) PrepConnect(fd int, addr unsafe.Pointer, addrLen uint32) {
	s.prep(OpConnect, fd, address(addr), 0, uint64(addrLen))
}

// PrepRecv receives into buf (io_uring_prep_recv, 5.6). flags are those of recv(2); with MSG_WAITALL the
// kernel goes on until buf is full, or has 0x7ffff000 bytes. The kernel writes to buf until the completion.
func (s *SQE) PrepRecv(fd int, buf []byte, flags int) {
	s.prep(OpRecv, fd, addressOf(buf), lengthOf(buf), 0)
	s.OpFlags = uint32(flags)
}

// PrepRecvSelect receives up to maxLen bytes, zero for no limit, into a buffer of group bgid
// (io_uring_prep_recv with IOSQE_BUFFER_SELECT, 5.7). ENOBUFS: the group is empty.
func (s *SQE) PrepRecvSelect(fd int, bgid uint16, maxLen uint32, flags int) {
	s.prep(OpRecv, fd, 0, maxLen, 0)
	s.OpFlags = uint32(flags)
	s.selectFrom(bgid)
}

// PrepRecvMultishot receives into buffers of group bgid until the end of the stream, an error, an empty
// group (ENOBUFS) or a cancel (io_uring_prep_recv_multishot, 6.0). Flags of recv(2), never MSG_WAITALL, go
// into s.OpFlags afterwards.
func (s *SQE) PrepRecvMultishot(fd int, bgid uint16) {
	s.PrepRecvSelect(fd, bgid, 0, 0)
	s.Ioprio = RecvMultishot
}

// PrepRecvMultishotBundle is PrepRecvMultishot with many buffers to a completion (FeatRecvSendBundle, 6.10).
// The result is their total; the buffer ID is the first one's, the others follow in ring order.
func (s *SQE) PrepRecvMultishotBundle(fd int, bgid uint16) {
	s.PrepRecvMultishot(fd, bgid)
	s.Ioprio |= RecvSendBundle
}

// PrepRecvMsg receives a message (io_uring_prep_recvmsg, 5.3). msg and all it points to belong to the kernel
// until the completion.
func (s *SQE) PrepRecvMsg(fd int, msg *unix.Msghdr, flags int) {
	s.prep(OpRecvMsg, fd, address(unsafe.Pointer(msg)), 1, 0)
	s.OpFlags = uint32(flags)
}

// PrepRecvMsgMultishot receives messages into buffers of group bgid (io_uring_prep_recvmsg_multishot, 6.0).
// msg is the template: only its name and control lengths count, and it must live until the final
// completion. ParseRecvMsg takes a filled buffer apart. Flags of recvmsg(2) go into s.OpFlags afterwards.
func (s *SQE) PrepRecvMsgMultishot(fd int, msg *unix.Msghdr, bgid uint16) {
	s.PrepRecvMsg(fd, msg, 0)
	s.Ioprio = RecvMultishot
	s.selectFrom(bgid)
}

// PrepSend sends buf (io_uring_prep_send, 5.6). flags are those of send(2); with MSG_WAITALL the kernel goes
// on after a short transfer on a stream. A short result is no error: at most 0x7ffff000 bytes are sent at once.
func (s *SQE) PrepSend(fd int, buf []byte, flags int) {
	s.prep(OpSend, fd, addressOf(buf), lengthOf(buf), 0)
	s.OpFlags = uint32(flags)
}

// SetSendAddr gives a PrepSend or PrepSendZC entry a destination of addrLen bytes, read when the entry is
// submitted (io_uring_prep_send_set_addr; 6.0 for SEND_ZC, 6.1 for SEND).
func (s *SQE) SetSendAddr(addr unsafe.Pointer, addrLen uint16) {
	s.Off = address(addr)
	half := (*[2]uint16)(unsafe.Pointer(&s.FileIndex)) // addr_len is the first half on any byte order
	half[0], half[1] = addrLen, 0
}

// PrepSendBundle sends the buffers of group bgid, in ring order, all that are there
// (io_uring_prep_send_bundle; FeatRecvSendBundle, 6.10). The result is the total.
func (s *SQE) PrepSendBundle(fd int, bgid uint16, flags int) {
	s.prep(OpSend, fd, 0, 0, 0)
	s.OpFlags = uint32(flags)
	s.Ioprio = RecvSendBundle
	s.selectFrom(bgid)
}

// PrepSendMsg sends a message (io_uring_prep_sendmsg, 5.3). msg, its iovecs, name and control are read when
// the entry is submitted; the data belongs to the kernel until the completion.
func (s *SQE) PrepSendMsg(fd int, msg *unix.Msghdr, flags int) {
	s.prep(OpSendMsg, fd, address(unsafe.Pointer(msg)), 1, 0)
	s.OpFlags = uint32(flags)
}

// PrepSendZC sends buf without copying it (io_uring_prep_send_zc, 6.0). There are two completions: the
// result with CQEMore, errors too, then the notification (CQENotif); buf belongs to the kernel until that
// one. A result without CQEMore has no notification. zcFlags are RecvSendPollFirst and SendZCReportUsage.
// EOPNOTSUPP: the socket can not, as AF_UNIX and MPTCP. ENOMEM: over RLIMIT_MEMLOCK.
func (s *SQE) PrepSendZC(fd int, buf []byte, flags int, zcFlags uint16) {
	s.PrepSend(fd, buf, flags)
	s.Opcode = OpSendZC
	s.Ioprio = zcFlags
}

// PrepSendZCFixed is PrepSendZC out of registered buffer bufIndex, within which buf must lie
// (io_uring_prep_send_zc_fixed, 6.0). It pins no page per send.
func (s *SQE) PrepSendZCFixed(fd int, buf []byte, flags int, zcFlags, bufIndex uint16) {
	s.PrepSendZC(fd, buf, flags, zcFlags|RecvSendFixedBuf)
	s.BufIG = bufIndex
}

// PrepSendMsgZC is PrepSendMsg without copying the data (io_uring_prep_sendmsg_zc, 6.1). Completions as for
// PrepSendZC; its flags go into s.Ioprio afterwards.
func (s *SQE) PrepSendMsgZC(fd int, msg *unix.Msghdr, flags int) {
	s.PrepSendMsg(fd, msg, flags)
	s.Opcode = OpSendMsgZC
}

// PrepSendMsgZCFixed is PrepSendMsgZC with all iovecs inside registered buffer bufIndex
// (io_uring_prep_sendmsg_zc_fixed, 6.15).
func (s *SQE) PrepSendMsgZCFixed(fd int, msg *unix.Msghdr, flags int, bufIndex uint16) {
	s.PrepSendMsgZC(fd, msg, flags)
	s.Ioprio = RecvSendFixedBuf
	s.BufIG = bufIndex
}

// PrepShutdown is shutdown(2) (io_uring_prep_shutdown, 5.11). The kernel always hands it to a worker thread;
// the system call is cheaper unless it must be linked.
func (s *SQE) PrepShutdown(fd, how int) {
	s.prep(OpShutdown, fd, 0, uint32(how), 0)
}

// PrepSocket makes a socket (io_uring_prep_socket, 5.19); the result is its descriptor.
func (s *SQE) PrepSocket(domain, typ, proto int) {
	s.prep(OpSocket, domain, 0, uint32(proto), uint64(typ))
}

// PrepSocketDirect is PrepSocket into a slot of the registered files, or FileIndexAlloc
// (io_uring_prep_socket_direct, 5.19).
func (s *SQE) PrepSocketDirect(domain, typ, proto int, slot uint32) {
	s.PrepSocket(domain, typ, proto)
	s.setDirect(slot)
}

// PrepBind binds a socket (io_uring_prep_bind, 6.11). addr points to a sockaddr of addrLen bytes, read when
// the entry is submitted.
func (s *SQE) PrepBind(fd int, addr unsafe.Pointer, addrLen uint32) {
	s.prep(OpBind, fd, address(addr), 0, uint64(addrLen))
}

// PrepListen makes a socket listen (io_uring_prep_listen, 6.11).
func (s *SQE) PrepListen(fd, backlog int) {
	s.prep(OpListen, fd, 0, uint32(backlog), 0)
}

// selectFrom makes the kernel choose a buffer of group bgid.
func (s *SQE) selectFrom(bgid uint16) {
	s.BufIG = bgid
	s.Flags |= SQEBufferSelect
}
