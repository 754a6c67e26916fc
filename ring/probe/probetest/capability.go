//go:build linux

package probetest

import (
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

var strangers atomic.Uint32

// stranger is a user that nobody else is. Going from root to it drops every
// capability, on every thread and with cgo too; and RLIMIT_MEMLOCK counts by user, so
// that what other processes hold, or closed a moment ago, does not count here.
//
// The number stays below the 65536 that a user namespace usually maps. Who is not
// root has no capability to lose and stays who it is: nil.
func stranger() *syscall.SysProcAttr {
	if os.Getuid() != 0 {
		return nil
	}
	id := 1000 + (uint32(os.Getpid())*31+strangers.Add(1))%64000
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}}
}

// effective reports whether the calling thread has the capability.
func effective(capability uintptr) bool {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return true
	}
	return data[capability/32].Effective&(1<<(capability%32)) != 0
}
