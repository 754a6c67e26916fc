//go:build linux

package probetest

import (
	"fmt"
	goruntime "runtime"

	"golang.org/x/sys/unix"
)

// withoutCapability runs start, which forks, on a thread that can not hand on the
// capability. The thread ends with its goroutine, so that nobody else misses it.
//
// Dropping it inside the child would have to reach every thread there, which Go can
// do only without cgo, and the race detector is cgo.
func withoutCapability(capability uintptr, start func() error) error {
	done := make(chan error)
	go func() {
		goruntime.LockOSThread() // never unlocked
		err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0)
		if err != nil && !effective(capability) {
			err = nil // who may not drop it does not have it
		}
		if err != nil {
			done <- fmt.Errorf("dropping capability %d: %w", capability, err)
			return
		}
		done <- start()
	}()
	return <-done
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
