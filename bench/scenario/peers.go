package scenario

import "github.com/headrace/headrace/bench/harness"

// Peer is a server program that can be measured, with a command for each scenario it serves.
type Peer struct {
	Name     string
	About    string // one line for the report
	Module   string // of a Go library, for its version
	Binary   string // the program that must exist, for those that are not built from this repository
	Commands map[string]harness.Command
}

func goPeer(name, about, module string, servers ...string) Peer {
	p := Peer{Name: name, About: about, Module: module, Commands: map[string]harness.Command{}}
	for _, s := range servers {
		p.Commands[s] = harness.Command{Args: []string{"{bin}/peer", "-peer", name, "-scenario", s,
			"-addr", "127.0.0.1:0", "-loops", "{loops}", "-size", "{size}",
			"-to", "{to}", "-root", "{root}", "-dir", "{dir}"}}
	}
	return p
}

func floorPeer(name, about, program string) Peer {
	return Peer{Name: name, About: about, Binary: "{floor}/" + program,
		Commands: map[string]harness.Command{ServeEcho: {
			Args: []string{"{floor}/" + program, "-addr", "127.0.0.1:0", "-size", "{size}"}}}}
}

// Peers are all servers, in the order in which the report shows them.
func Peers() []Peer {
	return []Peer{
		floorPeer("floor-liburing", "C, liburing: the least an io_uring echo costs", "uring"),
		floorPeer("floor-epoll", "C, epoll: the least an epoll echo costs", "epoll"),
		goPeer("std", "standard library, goroutine per connection", "", ServeEcho),
		goPeer("gnet", "epoll, callbacks", "github.com/panjf2000/gnet/v2", ServeEcho),
	}
}
