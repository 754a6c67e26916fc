//go:build linux && iouringgo

// Command peer-iouring-go is the echo server over iouring-go. Build it with
// -tags iouringgo -ldflags=-checklinkname=0: the library reaches into package syscall, and the tag keeps
// it out of go build ./..., which would not link.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/headrace/headrace/bench/peers"
	"github.com/headrace/headrace/bench/peers/iouringgo"
)

func main() {
	var cfg peers.Config
	flag.StringVar(&cfg.Addr, "addr", "127.0.0.1:0", "address to listen on")
	flag.IntVar(&cfg.Size, "size", 0, "message size of the scenario, a hint")
	flag.Parse()
	if err := iouringgo.Echo(cfg); err != nil {
		fmt.Fprintln(os.Stderr, "peer-iouring-go:", err)
		os.Exit(1)
	}
}
