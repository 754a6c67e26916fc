//go:build unix

package app

import (
	"os"
	"os/signal"
	"syscall"
)

// onHangup returns what receives SIGHUP, until stop is called.
func onHangup() (hangup <-chan os.Signal, stop func()) {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGHUP)
	return ch, func() { signal.Stop(ch) }
}
