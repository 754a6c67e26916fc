//go:build linux

package probetest

import (
	"os"

	"golang.org/x/sys/unix"
)

// Signals sends the calling thread signals, one after the other, until stop returns.
// They are of the kind that Go's runtime expects at any time. The caller has locked
// its goroutine to the thread.
func Signals() (stop func()) {
	pid, thread := os.Getpid(), unix.Gettid()
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			default:
				_ = unix.Tgkill(pid, thread, unix.SIGURG)
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}
