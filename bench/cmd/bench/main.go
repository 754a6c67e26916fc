//go:build linux

// Command bench measures servers side by side and writes what it found. Run it in the bench folder:
//
//	go run ./cmd/bench                                   everything, about twenty minutes
//	go run ./cmd/bench -scenario echo -size 64 -conns 100 -peers std,gnet -rounds 5
//	go run ./cmd/bench -scenario echo -extra 'mine=/tmp/echo -addr {addr} -loops {loops}'
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/headrace/headrace/bench/suite"
)

func main() {
	ctx, stop := suite.Interruptible(context.Background())
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}
