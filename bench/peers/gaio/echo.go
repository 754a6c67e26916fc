//go:build linux && cgo

// Package gaio serves echo with github.com/xtaci/gaio, which needs cgo.
package gaio

import (
	"errors"
	"net"

	"github.com/xtaci/gaio"

	"github.com/headrace/headrace/bench/peers"
)

// Backend is what this server announces.
const Backend = "epoll"

// Echo keeps one buffer per connection, which is read into or written from, never both. A write
// completes when all of it is sent.
func Echo(cfg peers.Config) error {
	stopped := peers.Stopped()
	w, err := gaio.NewWatcher()
	if err != nil {
		return err
	}
	defer w.Close()
	ln, err := peers.Listen(cfg.Addr)
	if err != nil {
		return err
	}
	go func() {
		<-stopped
		ln.Close()
	}()
	go complete(w)
	peers.Announce(ln.Addr(), Backend, 1)
	size := min(max(cfg.Size, 4096), 64<<10)
	for {
		c, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := w.Read(nil, c, make([]byte, size)); err != nil {
			return err
		}
	}
}

// complete answers completions until the watcher is closed.
func complete(w *gaio.Watcher) {
	for {
		results, err := w.WaitIO()
		if err != nil {
			return
		}
		for _, r := range results {
			switch {
			case r.Error != nil || r.Operation == gaio.OpRead && r.Size == 0:
				err = w.Free(r.Conn)
			case r.Operation == gaio.OpRead:
				err = w.Write(nil, r.Conn, r.Buffer[:r.Size])
			case r.Operation == gaio.OpWrite:
				err = w.Read(nil, r.Conn, r.Buffer[:cap(r.Buffer)])
			}
			if errors.Is(err, gaio.ErrWatcherClosed) {
				return
			}
		}
	}
}
