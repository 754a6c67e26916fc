// Package netpoll serves echo with github.com/cloudwego/netpoll.
package netpoll

import (
	"context"
	"io"
	"time"

	"github.com/cloudwego/netpoll"

	"github.com/headrace/headrace/bench/peers"
)

// Backend is what this server announces.
const Backend = "epoll"

// Echo hands the bytes that were read to the writer, whose Flush returns when all are sent; the
// reader's memory is released only then.
func Echo(cfg peers.Config) error {
	stopped := peers.Stopped()
	loops := max(cfg.Loops, 1)
	if err := netpoll.Configure(netpoll.Config{PollerNum: loops, LoggerOutput: io.Discard}); err != nil {
		return err
	}
	ln, err := netpoll.CreateListener("tcp", cfg.Addr)
	if err != nil {
		return err
	}
	loop, err := netpoll.NewEventLoop(func(_ context.Context, c netpoll.Connection) error {
		r, w := c.Reader(), c.Writer()
		b, err := r.Next(r.Len())
		if err != nil {
			return err
		}
		if _, err := w.WriteBinary(b); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
		return r.Release()
	})
	if err != nil {
		return err
	}
	go func() {
		<-stopped
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = loop.Shutdown(ctx)
	}()
	peers.Announce(ln.Addr(), Backend, loops)
	return loop.Serve(ln)
}
