//go:build linux && cgo

package main

import (
	"github.com/headrace/headrace/bench/peers"
	"github.com/headrace/headrace/bench/peers/gaio"
)

var gaioServers = map[string]peers.Serve{"echo": gaio.Echo}
