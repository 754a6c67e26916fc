// Command echo sends back what it receives: as a handler on the loop, as a fiber,
// or as goroutines with a net.Conn each.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/examples/internal/app"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
	"github.com/headrace/headrace/runtime/stdnet"
)

func main() { app.Main("echo", run) }

// handler echoes from the loop's callbacks: what came goes, chunk by chunk.
type handler struct{}

func (handler) Data(c *runtime.Conn, in *buffers.Chain) { c.Send(in.TakeAll()) }
func (handler) Closed(*runtime.Conn, error)             {}

// echoFiber does the same in sequential code.
func echoFiber(c *fiber.Conn) error {
	for {
		in, err := c.ReadChain()
		if err != nil {
			return err
		}
		if err := c.Send(in); err != nil {
			return err
		}
	}
}

// echoConn does it as any program on package net would.
func echoConn(c net.Conn, size int) {
	defer c.Close()
	buf := make([]byte, size)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}

// listener is what all modes have in common.
type listener interface {
	Addr() net.Addr
	io.Closer
	runtime.FileListener
}

// options are the flags.
type options struct {
	app.Flags
	buffer int
}

// modes start serving.
var modes = map[string]func(rt *runtime.Runtime, flags *options) (listener, error){
	"handler": func(rt *runtime.Runtime, flags *options) (listener, error) {
		app.SpareProcessor(rt)
		return flags.Listen(rt, func(*runtime.Conn) runtime.Handler { return handler{} })
	},
	"fiber": func(rt *runtime.Runtime, flags *options) (listener, error) {
		app.SpareProcessor(rt)
		return flags.Listen(rt, fiber.Serve(echoFiber))
	},
	"stdnet": func(rt *runtime.Runtime, flags *options) (listener, error) {
		ln, err := flags.ListenStd(&stdnet.ListenConfig{Runtime: rt})
		if err != nil {
			return nil, err
		}
		s := &stdServer{StdListener: ln, buffer: flags.buffer, log: rt.Logger()}
		s.conns.Go(s.accept) // counted, too: what it accepts last is still to be served
		return s, nil
	},
}

// stdServer serves with a goroutine per connection.
type stdServer struct {
	*app.StdListener
	buffer int
	log    *slog.Logger
	conns  sync.WaitGroup
}

// accept serves who comes until the listener is closed. What fails besides, for want of
// descriptors most often, passes.
func (s *stdServer) accept() {
	var pause time.Duration
	for {
		c, err := s.Accept()
		switch {
		case err == nil:
			pause = 0
			s.conns.Go(func() { echoConn(c, s.buffer) })
		case errors.Is(err, net.ErrClosed):
			return
		default:
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.log.Warn("accept failed", "err", err, "again", pause)
			time.Sleep(pause)
		}
	}
}

// wait waits, after an upgrade, for the connections to end: those that are quiet live
// where the runtime does not see them.
func (s *stdServer) wait(ctx context.Context) {
	ended := make(chan struct{})
	go func() {
		s.conns.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

func run() error {
	var flags options
	flags.Register("127.0.0.1:7000")
	flag.IntVar(&flags.buffer, "buffer", 64<<10, "`bytes` of a connection's buffer in mode stdnet")
	mode := flag.String("mode", "handler", "how connections are served: handler, fiber or stdnet")
	if err := flags.Parse(); err != nil {
		return err
	}
	if flags.buffer < 1 {
		return fmt.Errorf("-buffer is %d, and must be at least 1", flags.buffer)
	}

	listen, ok := modes[*mode]
	if !ok {
		return fmt.Errorf("unknown -mode %q (have handler, fiber, stdnet)", *mode)
	}
	rt, err := flags.Runtime(&runtime.Config{})
	if err != nil {
		return err
	}
	defer rt.Close()
	ln, err := listen(rt, &flags)
	if err != nil {
		return err
	}
	s := app.Server{Runtime: rt, Addr: ln.Addr(), Drain: flags.Drain, Listener: ln}
	s.Before = func(context.Context) { ln.Close() }
	if std, ok := ln.(*stdServer); ok {
		s.Unseen, s.Served = std.wait, std.Served
	}
	if flags.Check {
		s.Check = func() error { return selfTest(ln.Addr()) }
	}
	return s.Wait(os.Stdout)
}
