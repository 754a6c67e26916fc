//go:build linux

package ring

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// RecvMsg is a message that PrepRecvMsgMultishot received; its slices lie in the provided buffer.
type RecvMsg struct {
	Name    []byte // sender's sockaddr
	Control []byte // ancillary data
	Payload []byte
	Flags   int // as recvmsg(2) returns them: MSG_TRUNC, MSG_CTRUNC, ...

	PayloadLen int // length the message had; longer than Payload when it was cut off
}

// recvMsgOut is struct io_uring_recvmsg_out, which the buffer starts with.
type recvMsgOut struct {
	nameLen    uint32
	controlLen uint32
	payloadLen uint32
	flags      uint32
}

// ParseRecvMsg takes apart buf, the used part of a provided buffer (CQE.Res bytes), as template msg laid it
// out (io_uring_recvmsg_validate and its companions, 6.0). It copies nothing. False: buf is too short.
func ParseRecvMsg(buf []byte, msg *unix.Msghdr) (RecvMsg, bool) {
	const headerLen = int(unsafe.Sizeof(recvMsgOut{}))
	nameRoom, controlRoom := int(msg.Namelen), int(msg.Controllen)
	if nameRoom < 0 || controlRoom < 0 || len(buf) < headerLen || len(buf)-headerLen < nameRoom ||
		len(buf)-headerLen-nameRoom < controlRoom {
		return RecvMsg{}, false
	}
	var out recvMsgOut
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&out)), headerLen), buf)

	name := buf[headerLen : headerLen+nameRoom]
	control := buf[headerLen+nameRoom:][:controlRoom]
	payload := buf[headerLen+nameRoom+controlRoom:]
	return RecvMsg{
		Name:       name[:min(uint64(out.nameLen), uint64(nameRoom))],
		Control:    control[:min(uint64(out.controlLen), uint64(controlRoom))],
		Payload:    payload[:min(uint64(out.payloadLen), uint64(len(payload)))],
		Flags:      int(out.flags),
		PayloadLen: int(out.payloadLen),
	}, true
}
