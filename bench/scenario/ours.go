package scenario

import (
	"strconv"
	"strings"

	"github.com/headrace/headrace/bench/harness"
	"github.com/headrace/headrace/bench/peers"
)

// ours are the project's examples, one peer for each engine and each way to write a server.
func ours() []Peer {
	return []Peer{
		core(example("headrace", "io_uring, handler", "io_uring", map[string][]string{
			ServeEcho:   {"echo", "-mode", "handler"},
			ServeStatic: {"fileserver", "-root", "{root}"},
			ServeHTTPS:  {"fileserver", "-root", "{root}", "-tls-cert", "{cert}", "-tls-key", "{key}"},
			ServeProxy:  {"proxy", "-to", "{to}"},
			ServeUpload: uploadArgs,
			ServeUDP:    {"udpecho", "-mode", "handler", "-buffer", udpBuffer},
		})),
		example("headrace-fiber", "io_uring, fiber", "io_uring", map[string][]string{
			ServeEcho:  {"echo", "-mode", "fiber"},
			ServeUDP:   {"udpecho", "-mode", "fiber", "-buffer", udpBuffer},
			ServeHello: {"httphello", "-engine", "fiber", "-slow", "0", "-idle", "0"},
		}),
		example("headrace-stdnet", "io_uring, net.Conn", "io_uring", map[string][]string{
			ServeEcho:  {"echo", "-mode", "stdnet", "-buffer", "{buffer}"},
			ServeUDP:   {"udpecho", "-mode", "stdnet-loop", "-buffer", udpBuffer},
			ServeHello: {"httphello", "-engine", "nethttp", "-slow", "0", "-idle", "0"},
		}),
		core(example("headrace-epoll", "epoll, handler", "epoll", map[string][]string{
			ServeEcho:   {"echo", "-mode", "handler"},
			ServeStatic: {"fileserver", "-root", "{root}"},
			ServeHTTPS:  {"fileserver", "-root", "{root}", "-tls-cert", "{cert}", "-tls-key", "{key}"},
			ServeProxy:  {"proxy", "-to", "{to}"},
			ServeUpload: uploadArgs,
			ServeUDP:    {"udpecho", "-mode", "handler", "-buffer", udpBuffer},
		})),
		onFastHTTP("headrace-fasthttp", "io_uring, fasthttp on fibers"),
		onFastHTTP("fasthttp-stdnet", "io_uring, fasthttp on net.Conn", "-stdnet"),
		few(example("headrace-portable", "net.Conn engine, handler", "portable", map[string][]string{
			ServeEcho: {"echo", "-mode", "handler"},
		})),
	}
}

// onFastHTTP is fasthttp's server on connections of ours.
func onFastHTTP(name, about string, flags ...string) Peer {
	args := []string{"{bin}/peer-headrace", "-addr", "127.0.0.1:0", "-backend", "io_uring", "-loops", "{loops}"}
	return Peer{Name: name, About: about, Ours: true,
		Commands: map[string]harness.Command{ServeHello: {Args: append(args, flags...)}}}
}

// udpBuffer is the others' too.
var udpBuffer = strconv.Itoa(peers.ReadBuffer)

// uploadArgs leave out what the other peers do not do: a checksum, and a flush to the device.
var uploadArgs = []string{"upload", "-dir", "{dir}", "-sync=false", "-digest=false"}

// example is a peer made of example programs: for each scenario the program's name and its own flags.
func example(name, about, backend string, programs map[string][]string) Peer {
	p := Peer{Name: name, About: about, Ours: true, Examples: true, Commands: map[string]harness.Command{}}
	for serve, program := range programs {
		args := []string{"{examples}/" + program[0], "-addr", "127.0.0.1:0", "-backend", backend,
			"-loops", "{loops}"}
		p.Commands[serve] = harness.Command{Args: append(args, program[1:]...)}
	}
	return p
}

// From is the same peer with its example programs in dir and suffix after its name.
func (p Peer) From(dir, suffix string) Peer {
	p.Name += suffix
	commands := map[string]harness.Command{}
	for serve, c := range p.Commands {
		args := append([]string(nil), c.Args...)
		args[0] = strings.Replace(args[0], "{examples}", dir, 1)
		c.Args = args
		commands[serve] = c
	}
	p.Commands = commands
	return p
}
