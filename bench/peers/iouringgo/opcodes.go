//go:build linux

package iouringgo

// Opcodes of include/uapi/linux/io_uring.h, which iouring-go keeps in a package of its own.
const (
	opAccept = 13 // IORING_OP_ACCEPT
	opRead   = 22 // IORING_OP_READ
	opWrite  = 23 // IORING_OP_WRITE
)
