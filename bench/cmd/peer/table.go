//go:build linux

package main

import (
	"github.com/headrace/headrace/bench/peers"
	"github.com/headrace/headrace/bench/peers/evio"
	"github.com/headrace/headrace/bench/peers/fasthttp"
	"github.com/headrace/headrace/bench/peers/gnet"
	"github.com/headrace/headrace/bench/peers/nbio"
	"github.com/headrace/headrace/bench/peers/netpoll"
	"github.com/headrace/headrace/bench/peers/rio"
	"github.com/headrace/headrace/bench/peers/std"
)

// table says which library serves which scenario. iouring-go is not here: it needs a linker flag, so
// it is a command of its own.
var table = map[string]map[string]peers.Serve{
	"std": {"echo": std.Echo, "hello": std.Hello, "static": std.Static, "https": std.StaticTLS, "proxy": std.Proxy,
		"upload": std.Upload, "udp": std.UDP},
	"fasthttp": {"hello": fasthttp.Hello},
	"gnet":     {"echo": gnet.Echo, "udp": gnet.UDP},
	"netpoll":  {"echo": netpoll.Echo},
	"nbio":     {"echo": nbio.Echo},
	"evio":     {"echo": evio.Echo},
	"gaio":     gaioServers,
	"rio":      {"echo": rio.Echo},
}
