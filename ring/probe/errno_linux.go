//go:build linux

package probe

import "syscall"

// Not every system has these numbers.
func init() {
	errnoNames[syscall.EBADFD] = "EBADFD"
	errnoNames[syscall.ETIME] = "ETIME"
}
