package drivertest

import (
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

var warmed sync.Once

// warm makes package net open what it keeps for good, as the descriptors of its
// poller, so that it is not taken for a leak.
func warm(t tb) {
	warmed.Do(func() {
		ln, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("%v", err)
		}
		ln.Close()
	})
}

// descriptors returns the open descriptors by number where the system tells them,
// else nil.
func descriptors() map[string]string {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	all := map[string]string{}
	for _, e := range entries {
		// The directory's own descriptor is gone by now, and so is its link.
		if link, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			all[e.Name()] = link
		}
	}
	return all
}

// sameDescriptors fails t when descriptors are open that were not before. Peers of
// package net may take a moment to close.
func sameDescriptors(t tb, before map[string]string) {
	if before == nil {
		return
	}
	var left []string
	for deadline := time.Now().Add(Patience / 6); ; time.Sleep(time.Millisecond) {
		left = left[:0]
		for fd, link := range descriptors() {
			if before[fd] != link {
				left = append(left, fmt.Sprintf("%s -> %s", fd, link))
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("descriptors are left open: %v", left)
			return
		}
	}
}
