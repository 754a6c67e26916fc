//go:build linux

package suite

import (
	"context"
	"os/signal"
	"syscall"
)

// Interruptible is a context that ends when the program is told to end, or its terminal is closed: what was started
// must not outlive it. Under nohup it does not end with the terminal.
func Interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	if signal.Ignored(syscall.SIGHUP) {
		return ctx, stop
	}
	ctx, hup := signal.NotifyContext(ctx, syscall.SIGHUP)
	return ctx, func() {
		hup()
		stop()
	}
}
