//go:build linux

// Command peer runs one server of one library for one scenario, as a process of its own.
//
//	peer -peer gnet -scenario echo -addr 127.0.0.1:0 -loops 1
package main

import (
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/headrace/headrace/bench/peers"
)

func main() {
	var cfg peers.Config
	name := flag.String("peer", "", "library: "+strings.Join(names(), ", "))
	scenario := flag.String("scenario", "echo", "what to serve")
	flag.StringVar(&cfg.Addr, "addr", "127.0.0.1:0", "address to listen on")
	flag.StringVar(&cfg.To, "to", "", "proxy: address to connect to")
	flag.StringVar(&cfg.Root, "root", ".", "static: folder to serve")
	flag.StringVar(&cfg.Cert, "cert", "", "https: file of the certificate")
	flag.StringVar(&cfg.Key, "key", "", "https: file of its key")
	flag.StringVar(&cfg.Dir, "dir", "", "upload: folder to write")
	flag.IntVar(&cfg.Loops, "loops", 0, "event loops, 0 for the library's default")
	flag.IntVar(&cfg.Size, "size", 0, "message size of the scenario, a hint")
	flag.Parse()

	serve := table[*name][*scenario]
	if serve == nil {
		fmt.Fprintf(os.Stderr, "peer: %q does not serve %q\n", *name, *scenario)
		os.Exit(2)
	}
	if err := serve(cfg); err != nil {
		fmt.Fprintf(os.Stderr, "peer: %s %s: %v\n", *name, *scenario, err)
		os.Exit(1)
	}
}

func names() []string {
	var all []string
	for name := range table {
		all = append(all, name)
	}
	sort.Strings(all)
	return all
}
