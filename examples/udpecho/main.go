// Command udpecho sends back the datagrams that it receives: as a handler on the
// loop, as a fiber, or as a goroutine with a net.PacketConn.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/headrace/headrace/examples/internal/app"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
	"github.com/headrace/headrace/runtime/stdnet"
)

func main() { app.Main("udpecho", run) }

// handler echoes from the loop's callbacks.
type handler struct{}

// A datagram that the system does not take in time is dropped and counted: that is
// what the network does, too.
func (handler) Datagram(c *runtime.PacketConn, d *runtime.Datagram) { _ = c.Send(d.Take(), d.From) }
func (handler) Closed(*runtime.PacketConn, error)                   {}

// echoFiber does the same in sequential code.
func echoFiber(c *fiber.PacketConn) error {
	for {
		data, from, err := c.ReadChunk()
		if err != nil {
			return err
		}
		if err := c.Send(data, from); err != nil {
			return err
		}
	}
}

// stdServer does it as any program on package net would, and counts: the runtime knows
// of datagrams on its loops only.
type stdServer struct {
	net.PacketConn
	ended                    chan struct{} // after which the counts may be read
	received, sent, failures uint64
}

func (s *stdServer) echo() {
	defer close(s.ended)
	buf := make([]byte, longest)
	for {
		n, from, err := s.ReadFrom(buf)
		if err != nil {
			return // closed
		}
		s.received++
		if _, err := s.WriteTo(buf[:n], from); err != nil {
			s.failures++
			continue
		}
		s.sent++
	}
}

// readBuffer is what -buffer says.
var readBuffer int

// longest is the longest datagram there is.
const longest = 65535

// server is what all modes have in common.
type server struct {
	addr net.Addr
	io.Closer
	std *stdServer // nil where the runtime counts all
}

// modes start serving.
var modes = map[string]func(rt *runtime.Runtime, network, address string, cfg *runtime.PacketConfig) (server, error){
	"handler": func(rt *runtime.Runtime, network, address string, cfg *runtime.PacketConfig) (server, error) {
		return listen(rt, network, address, cfg, func(*runtime.PacketConn) runtime.PacketHandler { return handler{} })
	},
	"fiber": func(rt *runtime.Runtime, network, address string, cfg *runtime.PacketConfig) (server, error) {
		return listen(rt, network, address, cfg, fiber.ServePacket(echoFiber))
	},
	"stdnet": func(rt *runtime.Runtime, network, address string, _ *runtime.PacketConfig) (server, error) {
		return listenStd(rt, network, address, stdnet.Auto)
	},
	"stdnet-loop": func(rt *runtime.Runtime, network, address string, _ *runtime.PacketConfig) (server, error) {
		return listenStd(rt, network, address, stdnet.Loop)
	},
}

func listen(rt *runtime.Runtime, network, address string, cfg *runtime.PacketConfig,
	accept runtime.PacketAcceptFunc) (server, error) {
	app.SpareProcessor(rt)
	ln, err := rt.ListenPacketWith(context.Background(), cfg, network, address, accept)
	if err != nil {
		return server{}, err
	}
	return server{addr: ln.Addr(), Closer: ln}, nil
}

func listenStd(rt *runtime.Runtime, network, address string, mode stdnet.Mode) (server, error) {
	lc := stdnet.ListenConfig{Runtime: rt, Mode: mode}
	c, err := lc.ListenPacket(context.Background(), network, address)
	if err != nil {
		return server{}, err
	}
	if u, ok := c.(*stdnet.UDPConn); ok && readBuffer > 0 {
		if err := u.SetReadBuffer(readBuffer); err != nil {
			return server{}, errors.Join(err, c.Close())
		}
	}
	std := &stdServer{PacketConn: c, ended: make(chan struct{})}
	go std.echo()
	if mode == stdnet.Loop && rt.Backend() != runtime.Portable { // which has no socket on a loop
		return server{addr: c.LocalAddr(), Closer: c}, nil
	}
	return server{addr: c.LocalAddr(), Closer: c, std: std}, nil
}

func run() error {
	var flags app.Flags
	flags.Register("127.0.0.1:7000")
	mode := flag.String("mode", "handler", "how datagrams are served: handler, fiber, stdnet or stdnet-loop")
	large := flag.Bool("large", false, "receive datagrams of up to 64 KiB whole, at the price of a copy")
	gro := flag.Bool("gro", false, "let the kernel join datagrams on their way up (UDP_GRO)")
	flag.IntVar(&readBuffer, "buffer", 0, "size of the kernel's receive queue in `bytes`; 0 for the system's")
	if err := flags.Parse(); err != nil {
		return err
	}
	if readBuffer < 0 {
		return fmt.Errorf("-buffer is %d, and can not be negative", readBuffer)
	}

	serve, ok := modes[*mode]
	if !ok {
		return fmt.Errorf("unknown -mode %q (have handler, fiber, stdnet, stdnet-loop)", *mode)
	}
	rt, err := flags.Runtime(&runtime.Config{})
	if err != nil {
		return err
	}
	defer rt.Close()
	cfg := &runtime.PacketConfig{GRO: *gro, ReadBuffer: readBuffer}
	if *large {
		cfg.MaxDatagram = longest
	}
	network, address := flags.Network()
	if network == "unix" {
		network = "unixgram"
	} else {
		network = "udp"
	}
	s, err := serve(rt, network, address, cfg)
	if err != nil {
		return err
	}
	return s.wait(rt, &flags)
}

// wait waits for the end and tells what was served.
func (s *server) wait(rt *runtime.Runtime, flags *app.Flags) error {
	var packets runtime.PacketStats
	wait := app.Server{Runtime: rt, Addr: s.addr, Drain: flags.Drain}
	wait.Before = func(context.Context) {
		packets = rt.Stats().Total().Packets
		s.Close()
	}
	if s.std != nil {
		wait.Served = func() string { return "connections=0" }
	}
	if flags.Check {
		wait.Check = func() error { return selfTest(s.addr) }
	}
	err := wait.Wait(os.Stdout)
	if s.std != nil {
		s.Close() // again, or for the first time where it could not begin
		<-s.std.ended
		fmt.Printf("datagrams received=%d sent=%d errors=%d\n", s.std.received, s.std.sent, s.std.failures)
		return err
	}
	fmt.Printf("datagrams received=%d sent=%d sends=%d dropped=%d kernel_drops=%d truncated=%d errors=%d\n",
		packets.Received, packets.Sent, packets.Sends, packets.Dropped, packets.KernelDrops,
		packets.Truncated, packets.Errors)
	return err
}
