package scenario

import "github.com/headrace/headrace/bench/harness"

// Peer is a server program that can be measured, with a command for each scenario it serves.
type Peer struct {
	Name    string
	About   string // one line for the report
	Module  string // of a Go library, for its version
	Version string // else: the command that prints it, split at spaces
	// Program must exist for the peer to be measured: a path, or a name that is looked for.
	Program string
	// Go marks a Go library that the project is measured against.
	Go bool
	// Ours marks the servers of this project.
	Ours bool
	// Examples marks a peer that is made of the project's example programs.
	Examples bool
	// Core marks a peer that is in Narrow rows too.
	Core bool
	// Few keeps the peer out of rows that are not Wide.
	Few bool
	// OneLoop marks a peer that can not use a second core.
	OneLoop  bool
	Commands map[string]harness.Command
	// Large are those in place of Commands for rows with messages or files of 16 KiB and more.
	Large map[string]harness.Command
}

// Command is how the peer is started for row r.
func (p Peer) Command(r Row) harness.Command {
	if c, ok := p.Large[r.Serve]; ok && r.Spec.Size >= 16*kib {
		return c
	}
	return p.Commands[r.Serve]
}

// Peers are all servers, in the order in which the report shows them.
func Peers() []Peer {
	peers := []Peer{
		floorPeer("floor-liburing", "C on liburing: about the least an echo or a relayed message costs",
			"pkg-config --modversion liburing", map[string]string{ServeEcho: "uring", ServeProxy: "uring"}),
		floorPeer("floor-epoll", "C on epoll: the same, and a file",
			"gcc -dumpfullversion",
			map[string]string{ServeEcho: "epoll", ServeStatic: "static", ServeProxy: "proxy"}),
	}
	peers = append(peers, ours()...)
	return append(peers,
		core(goPeer("std", "Go's net and net/http", "",
			ServeEcho, ServeHello, ServeStatic, ServeHTTPS, ServeProxy, ServeUpload, ServeUDP)),
		goPeer("fasthttp", "fasthttp on Go's net", "github.com/valyala/fasthttp", ServeHello),
		core(goPeer("gnet", "epoll, callbacks", "github.com/panjf2000/gnet/v2", ServeEcho, ServeUDP)),
		goPeer("netpoll", "epoll, goroutine pool", "github.com/cloudwego/netpoll", ServeEcho),
		goPeer("nbio", "epoll, callbacks", "github.com/lesismal/nbio", ServeEcho),
		few(goPeer("evio", "epoll, callbacks", "github.com/tidwall/evio", ServeEcho)),
		few(goPeer("gaio", "epoll, completions", "github.com/xtaci/gaio", ServeEcho)),
		few(goPeer("rio", "io_uring, net.Conn", "github.com/brickingsoft/rio", ServeEcho)),
		iouringGo(), nginx(), haproxy(),
	)
}

func goPeer(name, about, module string, servers ...string) Peer {
	p := Peer{Name: name, About: about, Module: module, Go: true, Commands: map[string]harness.Command{}}
	for _, s := range servers {
		p.Commands[s] = harness.Command{Args: []string{"{bin}/peer", "-peer", name, "-scenario", s,
			"-addr", "127.0.0.1:0", "-loops", "{loops}", "-size", "{size}",
			"-to", "{to}", "-root", "{root}", "-cert", "{cert}", "-key", "{key}", "-dir", "{dir}"}}
	}
	return p
}

// few is for peers of which a handful of rows tells enough.
func few(p Peer) Peer {
	p.Few, p.OneLoop = true, true
	return p
}

// core is for peers that every row has that they can serve.
func core(p Peer) Peer {
	p.Core = true
	return p
}

func iouringGo() Peer {
	return few(Peer{
		Name: "iouring-go", About: "io_uring, a request at a time", Go: true,
		Module: "github.com/iceber/iouring-go", Program: "{bin}/peer-iouring-go",
		Commands: map[string]harness.Command{ServeEcho: {
			Args: []string{"{bin}/peer-iouring-go", "-addr", "127.0.0.1:0", "-size", "{size}"}}},
	})
}

// floorPeer is a server in C, with a program for each scenario; its version is that of what it was
// built with.
func floorPeer(name, about, version string, programs map[string]string) Peer {
	p := Peer{Name: name, About: about, Program: "{floor}/" + programs[ServeEcho], Version: version,
		OneLoop: true, Core: true, Commands: map[string]harness.Command{}}
	for serve, program := range programs {
		p.Commands[serve] = harness.Command{Args: []string{"{floor}/" + program, "-addr", "127.0.0.1:0",
			"-size", "{size}", "-to", "{to}", "-root", "{root}"}}
	}
	return p
}
