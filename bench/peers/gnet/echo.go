// Package gnet serves echo with github.com/panjf2000/gnet.
package gnet

import (
	"context"
	"time"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"

	"github.com/headrace/headrace/bench/peers"
)

// Backend is what this server announces.
const Backend = "epoll"

type echo struct {
	gnet.BuiltinEventEngine
	stopped <-chan struct{}
	addr    string
	loops   int
}

// OnBoot tells the harness that the listener is open, and waits for the end beside the engine.
func (e *echo) OnBoot(engine gnet.Engine) gnet.Action {
	go func() {
		<-e.stopped
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = engine.Stop(ctx) // on the way out
	}()
	peers.Announce(peers.StaticAddr(e.addr), Backend, e.loops)
	return gnet.None
}

// OnTraffic writes the whole inbound buffer back; gnet buffers what the socket does not take.
func (e *echo) OnTraffic(c gnet.Conn) gnet.Action {
	in, err := c.Next(-1)
	if err != nil {
		return gnet.Close
	}
	if _, err := c.Write(in); err != nil {
		return gnet.Close
	}
	return gnet.None
}

// Echo runs the engine on the loop goroutines, without hand-off.
func Echo(cfg peers.Config) error {
	stopped := peers.Stopped()
	addr, err := peers.FreeAddr(cfg.Addr)
	if err != nil {
		return err
	}
	loops := max(cfg.Loops, 1)
	return gnet.Run(&echo{stopped: stopped, addr: addr, loops: loops}, "tcp://"+addr,
		gnet.WithNumEventLoop(loops), gnet.WithTCPNoDelay(gnet.TCPNoDelay),
		gnet.WithReadBufferCap(64<<10), gnet.WithLogLevel(logging.ErrorLevel))
}
