// Package std serves the scenarios with the standard library alone: one goroutine per connection.
package std

import (
	"errors"
	"net"
	goruntime "runtime"
	"sync"

	"github.com/headrace/headrace/bench/peers"
)

// Backend is what these servers announce.
const Backend = "netpoller"

// Echo sends back what it reads, through one buffer per connection.
func Echo(cfg peers.Config) error {
	size := max(cfg.Size, 4096)
	return acceptLoop(cfg, func(c net.Conn) {
		buf := make([]byte, min(size, 64<<10))
		for {
			n, err := c.Read(buf)
			if n > 0 {
				if _, werr := c.Write(buf[:n]); werr != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
}

// acceptLoop runs serve on a goroutine per connection and closes the connection after it, until the
// process is told to stop.
func acceptLoop(cfg peers.Config, serve func(net.Conn)) error {
	stopped := peers.Stopped()
	ln, err := peers.Listen(cfg.Addr)
	if err != nil {
		return err
	}
	go func() {
		<-stopped
		ln.Close()
	}()
	peers.Announce(ln.Addr(), Backend, goruntime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for {
		c, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		wg.Go(func() {
			defer c.Close()
			serve(c)
		})
	}
}
