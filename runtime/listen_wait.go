package runtime

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"time"
)

// Where a process is killed, the kernel ends what its rings had under way, and with it
// their sockets, on a thread of its own: its ports stay taken for some milliseconds
// after its end, tens of them on a busy machine. A server that is started again at once
// must not fail for that.
const (
	portPatience = 500 * time.Millisecond // until a taken port is believed to stay so
	portAsk      = 2 * time.Millisecond   // between two questions
)

// untilFree opens a socket, again for a while if its port is taken. Paths of Unix
// sockets outlive everybody and are not waited for.
func (rt *Runtime) untilFree(ctx context.Context, network string, open func() error) error {
	err := open()
	if !rt.caps.LateRelease || strings.HasPrefix(network, "unix") || !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, portPatience)
	defer cancel()
	again := time.NewTicker(portAsk)
	defer again.Stop()
	for errors.Is(err, syscall.EADDRINUSE) && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-again.C:
			if ctx.Err() == nil { // both were ready
				err = open()
			}
		}
	}
	return err
}
