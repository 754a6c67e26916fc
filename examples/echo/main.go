// Command echo sends back what it receives, as a handler on the loop, as a fiber,
// or as a goroutine with a net.Conn.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	_ "net/http/pprof"
	"os"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/examples/internal/app"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
)

func main() { app.Main("echo", run) }

// handler echoes from the loop's callbacks: what came goes, chunk by chunk.
type handler struct{}

func (handler) Data(c *runtime.Conn, in *buffers.Chain) { c.Send(in.TakeAll()) }
func (handler) Closed(*runtime.Conn, error)             {}

// echo does the same in sequential code.
func echo(c *fiber.Conn) error {
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

var modes = map[string]runtime.AcceptFunc{
	"handler": func(*runtime.Conn) runtime.Handler { return handler{} },
	"fiber":   fiber.Serve(echo),
}

func run() error {
	var flags app.Flags
	flags.Register("127.0.0.1:7000")
	mode := flag.String("mode", "handler", "how connections are served: handler or fiber")
	pprof := flag.String("pprof", "", "`address` to serve net/http/pprof on")
	flag.Parse()

	accept, ok := modes[*mode]
	if !ok {
		return fmt.Errorf("unknown -mode %q (have handler, fiber)", *mode)
	}
	rt, err := flags.Runtime(&runtime.Config{})
	if err != nil {
		return err
	}
	defer rt.Close()
	if *pprof != "" {
		go http.ListenAndServe(*pprof, nil)
	}
	network, address := flags.Network()
	ln, err := rt.Listen(context.Background(), network, address, accept)
	if err != nil {
		return err
	}
	s := app.Server{Runtime: rt, Addr: ln.Addr(), Drain: flags.Drain}
	return s.Wait(os.Stdout)
}
