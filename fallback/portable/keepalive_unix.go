//go:build unix

package portable

import "syscall"

func keepAliveOf(fd uintptr) (on bool, err error) {
	v, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE)
	return v != 0, err
}
