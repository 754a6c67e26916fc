package ring

import "strconv"

// Op is the opcode of a submission queue entry (sqe->opcode).
type Op uint8

// Opcodes in kernel order (enum io_uring_op); Op.Since tells the first kernel of each.
const (
	OpNop            Op = iota // IORING_OP_NOP
	OpReadv                    // IORING_OP_READV
	OpWritev                   // IORING_OP_WRITEV
	OpFsync                    // IORING_OP_FSYNC
	OpReadFixed                // IORING_OP_READ_FIXED
	OpWriteFixed               // IORING_OP_WRITE_FIXED
	OpPollAdd                  // IORING_OP_POLL_ADD
	OpPollRemove               // IORING_OP_POLL_REMOVE
	OpSyncFileRange            // IORING_OP_SYNC_FILE_RANGE
	OpSendMsg                  // IORING_OP_SENDMSG
	OpRecvMsg                  // IORING_OP_RECVMSG
	OpTimeout                  // IORING_OP_TIMEOUT
	OpTimeoutRemove            // IORING_OP_TIMEOUT_REMOVE
	OpAccept                   // IORING_OP_ACCEPT
	OpAsyncCancel              // IORING_OP_ASYNC_CANCEL
	OpLinkTimeout              // IORING_OP_LINK_TIMEOUT
	OpConnect                  // IORING_OP_CONNECT
	OpFallocate                // IORING_OP_FALLOCATE
	OpOpenat                   // IORING_OP_OPENAT
	OpClose                    // IORING_OP_CLOSE
	OpFilesUpdate              // IORING_OP_FILES_UPDATE
	OpStatx                    // IORING_OP_STATX
	OpRead                     // IORING_OP_READ
	OpWrite                    // IORING_OP_WRITE
	OpFadvise                  // IORING_OP_FADVISE
	OpMadvise                  // IORING_OP_MADVISE
	OpSend                     // IORING_OP_SEND
	OpRecv                     // IORING_OP_RECV
	OpOpenat2                  // IORING_OP_OPENAT2
	OpEpollCtl                 // IORING_OP_EPOLL_CTL
	OpSplice                   // IORING_OP_SPLICE
	OpProvideBuffers           // IORING_OP_PROVIDE_BUFFERS
	OpRemoveBuffers            // IORING_OP_REMOVE_BUFFERS
	OpTee                      // IORING_OP_TEE
	OpShutdown                 // IORING_OP_SHUTDOWN
	OpRenameat                 // IORING_OP_RENAMEAT
	OpUnlinkat                 // IORING_OP_UNLINKAT
	OpMkdirat                  // IORING_OP_MKDIRAT
	OpSymlinkat                // IORING_OP_SYMLINKAT
	OpLinkat                   // IORING_OP_LINKAT
	OpMsgRing                  // IORING_OP_MSG_RING
	OpFsetxattr                // IORING_OP_FSETXATTR
	OpSetxattr                 // IORING_OP_SETXATTR
	OpFgetxattr                // IORING_OP_FGETXATTR
	OpGetxattr                 // IORING_OP_GETXATTR
	OpSocket                   // IORING_OP_SOCKET
	OpUringCmd                 // IORING_OP_URING_CMD
	OpSendZC                   // IORING_OP_SEND_ZC
	OpSendMsgZC                // IORING_OP_SENDMSG_ZC
	OpReadMultishot            // IORING_OP_READ_MULTISHOT
	OpWaitid                   // IORING_OP_WAITID
	OpFutexWait                // IORING_OP_FUTEX_WAIT
	OpFutexWake                // IORING_OP_FUTEX_WAKE
	OpFutexWaitv               // IORING_OP_FUTEX_WAITV
	OpFixedFDInstall           // IORING_OP_FIXED_FD_INSTALL
	OpFtruncate                // IORING_OP_FTRUNCATE
	OpBind                     // IORING_OP_BIND
	OpListen                   // IORING_OP_LISTEN
	OpRecvZC                   // IORING_OP_RECV_ZC
	OpEpollWait                // IORING_OP_EPOLL_WAIT
	OpReadvFixed               // IORING_OP_READV_FIXED
	OpWritevFixed              // IORING_OP_WRITEV_FIXED
	OpPipe                     // IORING_OP_PIPE

	opCount = int(OpPipe) + 1 // opcodes named here; the kernel may know more
)

// opTable names each opcode as the kernel does, without IORING_OP_, and its first kernel.
var opTable = [opCount]struct{ name, since string }{
	OpNop:            {"NOP", "5.1"},
	OpReadv:          {"READV", "5.1"},
	OpWritev:         {"WRITEV", "5.1"},
	OpFsync:          {"FSYNC", "5.1"},
	OpReadFixed:      {"READ_FIXED", "5.1"},
	OpWriteFixed:     {"WRITE_FIXED", "5.1"},
	OpPollAdd:        {"POLL_ADD", "5.1"},
	OpPollRemove:     {"POLL_REMOVE", "5.1"},
	OpSyncFileRange:  {"SYNC_FILE_RANGE", "5.2"},
	OpSendMsg:        {"SENDMSG", "5.3"},
	OpRecvMsg:        {"RECVMSG", "5.3"},
	OpTimeout:        {"TIMEOUT", "5.4"},
	OpTimeoutRemove:  {"TIMEOUT_REMOVE", "5.5"},
	OpAccept:         {"ACCEPT", "5.5"},
	OpAsyncCancel:    {"ASYNC_CANCEL", "5.5"},
	OpLinkTimeout:    {"LINK_TIMEOUT", "5.5"},
	OpConnect:        {"CONNECT", "5.5"},
	OpFallocate:      {"FALLOCATE", "5.6"},
	OpOpenat:         {"OPENAT", "5.6"},
	OpClose:          {"CLOSE", "5.6"},
	OpFilesUpdate:    {"FILES_UPDATE", "5.6"},
	OpStatx:          {"STATX", "5.6"},
	OpRead:           {"READ", "5.6"},
	OpWrite:          {"WRITE", "5.6"},
	OpFadvise:        {"FADVISE", "5.6"},
	OpMadvise:        {"MADVISE", "5.6"},
	OpSend:           {"SEND", "5.6"},
	OpRecv:           {"RECV", "5.6"},
	OpOpenat2:        {"OPENAT2", "5.6"},
	OpEpollCtl:       {"EPOLL_CTL", "5.6"},
	OpSplice:         {"SPLICE", "5.7"},
	OpProvideBuffers: {"PROVIDE_BUFFERS", "5.7"},
	OpRemoveBuffers:  {"REMOVE_BUFFERS", "5.7"},
	OpTee:            {"TEE", "5.8"},
	OpShutdown:       {"SHUTDOWN", "5.11"},
	OpRenameat:       {"RENAMEAT", "5.11"},
	OpUnlinkat:       {"UNLINKAT", "5.11"},
	OpMkdirat:        {"MKDIRAT", "5.15"},
	OpSymlinkat:      {"SYMLINKAT", "5.15"},
	OpLinkat:         {"LINKAT", "5.15"},
	OpMsgRing:        {"MSG_RING", "5.18"},
	OpFsetxattr:      {"FSETXATTR", "5.19"},
	OpSetxattr:       {"SETXATTR", "5.19"},
	OpFgetxattr:      {"FGETXATTR", "5.19"},
	OpGetxattr:       {"GETXATTR", "5.19"},
	OpSocket:         {"SOCKET", "5.19"},
	OpUringCmd:       {"URING_CMD", "5.19"},
	OpSendZC:         {"SEND_ZC", "6.0"},
	OpSendMsgZC:      {"SENDMSG_ZC", "6.1"},
	OpReadMultishot:  {"READ_MULTISHOT", "6.7"},
	OpWaitid:         {"WAITID", "6.7"},
	OpFutexWait:      {"FUTEX_WAIT", "6.7"},
	OpFutexWake:      {"FUTEX_WAKE", "6.7"},
	OpFutexWaitv:     {"FUTEX_WAITV", "6.7"},
	OpFixedFDInstall: {"FIXED_FD_INSTALL", "6.8"},
	OpFtruncate:      {"FTRUNCATE", "6.9"},
	OpBind:           {"BIND", "6.11"},
	OpListen:         {"LISTEN", "6.11"},
	OpRecvZC:         {"RECV_ZC", "6.15"},
	OpEpollWait:      {"EPOLL_WAIT", "6.15"},
	OpReadvFixed:     {"READV_FIXED", "6.15"},
	OpWritevFixed:    {"WRITEV_FIXED", "6.15"},
	OpPipe:           {"PIPE", "6.16"},
}

// String names op as the kernel does, without the IORING_OP_ prefix: "RECV".
func (op Op) String() string {
	if int(op) < opCount {
		return opTable[op].name
	}
	return "OP_" + strconv.Itoa(int(op))
}

// Since returns the first kernel with op, as "6.0", or "" for an opcode this package does not name.
// It is information for people: vendors back-port, so decide with RegisterProbe.
func (op Op) Since() string {
	if int(op) < opCount {
		return opTable[op].since
	}
	return ""
}
