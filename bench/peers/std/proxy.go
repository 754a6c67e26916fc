package std

import (
	"io"
	"net"
	"sync"

	"github.com/headrace/headrace/bench/peers"
)

// Proxy connects every connection to cfg.To and copies both ways; io.Copy between two TCP
// connections is splice(2) on Linux.
func Proxy(cfg peers.Config) error {
	return acceptLoop(cfg, func(down net.Conn) {
		up, err := net.Dial("tcp", cfg.To)
		if err != nil {
			return
		}
		defer up.Close()
		var wg sync.WaitGroup
		wg.Go(func() { relay(up, down) })
		relay(down, up)
		wg.Wait()
	})
}

// relay copies until from ends and passes that end on.
func relay(to, from net.Conn) {
	_, _ = io.Copy(to, from) // either side may go away at any time
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // it may be gone already
	}
}
