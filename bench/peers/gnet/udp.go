package gnet

import (
	"net"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"

	"github.com/headrace/headrace/bench/peers"
)

// UDP sends datagrams back: with gnet, each is a Conn of its own for one OnTraffic.
func UDP(cfg peers.Config) error {
	stopped := peers.Stopped()
	free, err := net.ListenPacket("udp", cfg.Addr)
	if err != nil {
		return err
	}
	addr := free.LocalAddr().String()
	free.Close()
	loops := max(cfg.Loops, 1)
	return gnet.Run(&echo{stopped: stopped, addr: addr, loops: loops}, "udp://"+addr,
		gnet.WithNumEventLoop(loops), gnet.WithReadBufferCap(64<<10),
		gnet.WithSocketRecvBuffer(peers.ReadBuffer), gnet.WithLogLevel(logging.ErrorLevel))
}
