// Package rio serves echo with github.com/brickingsoft/rio: goroutines over its io_uring net.Conn.
package rio

import (
	"net"

	"github.com/brickingsoft/rio"

	"github.com/headrace/headrace/bench/peers"
)

// Backend is what this server announces.
const Backend = "io_uring"

// Echo sends back what it reads. rio's Write may take less than it was given without an error, so it
// is called until everything is sent.
func Echo(cfg peers.Config) error {
	stopped := peers.Stopped()
	// With port 0 it fails: it then turns SO_REUSEPORT off, which the next option it sets needs.
	addr, err := peers.FreeAddr(cfg.Addr)
	if err != nil {
		return err
	}
	ln, err := rio.Listen("tcp", addr)
	if err != nil {
		return err
	}
	go func() {
		<-stopped
		ln.Close()
	}()
	peers.Announce(ln.Addr(), Backend, 1)
	size := min(max(cfg.Size, 4096), 64<<10)
	for {
		c, err := ln.Accept()
		if err != nil {
			select {
			case <-stopped:
				return nil
			default:
				return err
			}
		}
		go echo(c, size)
	}
}

func echo(c net.Conn, size int) {
	defer c.Close()
	buf := make([]byte, size)
	for {
		n, err := c.Read(buf)
		for b := buf[:n]; len(b) > 0; {
			done, werr := c.Write(b)
			if werr != nil {
				return
			}
			b = b[done:]
		}
		if err != nil {
			return
		}
	}
}
