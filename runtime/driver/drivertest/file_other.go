//go:build !linux

package drivertest

import "os"

func smallDisk(h *harness, _ int) *os.File {
	h.t.Skip("needs a small file system")
	return nil
}
