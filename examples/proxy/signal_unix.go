//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// onSignal calls f at each SIGUSR1, until stop is called.
func onSignal(f func()) (stop func()) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range asked {
			f()
		}
	}()
	return func() {
		signal.Stop(asked)
		close(asked) // a signal that came before is still answered
		<-done
	}
}
