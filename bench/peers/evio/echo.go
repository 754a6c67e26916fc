// Package evio serves echo with github.com/tidwall/evio.
package evio

import (
	"github.com/tidwall/evio"

	"github.com/headrace/headrace/bench/peers"
)

// Backend is what this server announces.
const Backend = "epoll"

// Echo returns its input, which evio copies before it reads the next: the input buffer can be shared.
func Echo(cfg peers.Config) error {
	stopped := peers.Stopped()
	addr, err := peers.FreeAddr(cfg.Addr)
	if err != nil {
		return err
	}
	loops := max(cfg.Loops, 1)
	events := evio.Events{
		NumLoops: loops,
		Serving: func(evio.Server) evio.Action {
			peers.Announce(peers.StaticAddr(addr), Backend, loops)
			return evio.None
		},
		Opened: func(evio.Conn) ([]byte, evio.Options, evio.Action) {
			return nil, evio.Options{ReuseInputBuffer: true}, evio.None
		},
		Data: func(_ evio.Conn, in []byte) ([]byte, evio.Action) { return in, evio.None },
	}
	failed := make(chan error, 1)
	go func() { failed <- evio.Serve(events, "tcp://"+addr) }()
	select {
	case err := <-failed:
		return err
	case <-stopped:
		return nil // it has no stop from outside
	}
}
