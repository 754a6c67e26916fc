package main

import (
	"github.com/headrace/headrace/bench/peers"
	"github.com/headrace/headrace/bench/peers/gnet"
	"github.com/headrace/headrace/bench/peers/std"
)

// table says which library serves which scenario.
var table = map[string]map[string]peers.Serve{
	"std":  {"echo": std.Echo},
	"gnet": {"echo": gnet.Echo},
}
