//go:build linux && !cgo

package main

import "github.com/headrace/headrace/bench/peers"

// gaioServers is empty: gaio does not build without cgo, and its rows say that it did not start.
var gaioServers map[string]peers.Serve
