//go:build linux

package iouringgo

// Opcodes of include/uapi/linux/io_uring.h, which iouring-go keeps in a package of its own.
const (
	opAccept = 13 // IORING_OP_ACCEPT
	opSend   = 26 // IORING_OP_SEND
	opRecv   = 27 // IORING_OP_RECV
)
