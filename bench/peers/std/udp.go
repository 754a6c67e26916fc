package std

import (
	"errors"
	"net"
	goruntime "runtime"

	"github.com/headrace/headrace/bench/peers"
)

// UDP sends datagrams back from one goroutine, by the calls that do not allocate.
func UDP(cfg peers.Config) error {
	stopped := peers.Stopped()
	pc, err := net.ListenPacket("udp", cfg.Addr)
	if err != nil {
		return err
	}
	go func() {
		<-stopped
		pc.Close()
	}()
	peers.Announce(pc.LocalAddr(), Backend, goruntime.GOMAXPROCS(0))
	c, buf := pc.(*net.UDPConn), make([]byte, 64<<10)
	if err := c.SetReadBuffer(peers.ReadBuffer); err != nil {
		return err
	}
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := c.WriteToUDPAddrPort(buf[:n], from); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
	}
}
