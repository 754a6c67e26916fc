// Command peer-headrace is the server of package peers/headrace. It is a command of its own so that
// the other peers do not depend on whether this project builds.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/headrace/headrace/bench/peers"
	"github.com/headrace/headrace/bench/peers/headrace"
	"github.com/headrace/headrace/runtime"
)

func main() {
	var cfg peers.Config
	var backend runtime.Backend
	flag.StringVar(&cfg.Addr, "addr", "127.0.0.1:0", "address to listen on")
	flag.IntVar(&cfg.Loops, "loops", 1, "event loops")
	flag.TextVar(&backend, "backend", runtime.Auto, "engine")
	std := flag.Bool("stdnet", false, "serve on stdnet's listener, not on fibers")
	flag.Parse()
	if err := headrace.FastHTTP(cfg, backend, *std); err != nil {
		fmt.Fprintln(os.Stderr, "peer-headrace:", err)
		os.Exit(1)
	}
}
