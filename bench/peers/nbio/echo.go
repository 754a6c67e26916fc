// Package nbio serves echo with github.com/lesismal/nbio.
package nbio

import (
	"github.com/lesismal/nbio"
	"github.com/lesismal/nbio/logging"

	"github.com/headrace/headrace/bench/peers"
)

// Backend is what this server announces.
const Backend = "epoll"

// Echo writes from the data callback; nbio copies what the socket does not take.
func Echo(cfg peers.Config) error {
	stopped := peers.Stopped()
	addr, err := peers.FreeAddr(cfg.Addr)
	if err != nil {
		return err
	}
	logging.SetLevel(logging.LevelNone)
	loops := max(cfg.Loops, 1)
	engine := nbio.NewEngine(nbio.Config{Network: "tcp", Addrs: []string{addr}, NPoller: loops})
	engine.OnData(func(c *nbio.Conn, data []byte) {
		if _, err := c.Write(data); err != nil {
			_ = c.CloseWithError(err) // gone either way
		}
	})
	if err := engine.Start(); err != nil {
		return err
	}
	peers.Announce(peers.StaticAddr(addr), Backend, loops)
	<-stopped
	engine.Stop()
	return nil
}
