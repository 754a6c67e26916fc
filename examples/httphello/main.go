// Command httphello answers every HTTP request with a greeting: with net/http over
// package stdnet, or with fibers and net/http's request parser.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/headrace/headrace/examples/internal/app"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
	"github.com/headrace/headrace/runtime/stdnet"
)

const greeting = "Hello, World!\n"

var body = []byte(greeting)

func main() { app.Main("httphello", run) }

// engines start a server on an address and return how to stop it.
var engines = map[string]func(o *options) (*app.Server, error){
	"nethttp": serveNetHTTP,
	"fiber":   serveFibers,
}

type options struct {
	flags app.Flags
	mode  stdnet.Mode
	rt    *runtime.Runtime
	idle  time.Duration // between requests
	slow  time.Duration // for a header
}

// maxHeader is how long a request's header may be, in bytes.
const maxHeader = 64 << 10

func run() error {
	var o options
	o.flags.Register("127.0.0.1:8080")
	engine := flag.String("engine", "nethttp", "how requests are served: nethttp or fiber")
	flag.TextVar(&o.mode, "mode", stdnet.Auto, "where net/http's connections live: auto, loop or poller")
	flag.DurationVar(&o.idle, "idle", time.Minute, "how long a connection may wait between requests; 0 for ever")
	flag.DurationVar(&o.slow, "slow", 30*time.Second, "how long a peer may take to send a request; 0 for ever")
	if err := o.flags.Parse(); err != nil {
		return err
	}

	serve, ok := engines[*engine]
	if !ok {
		return fmt.Errorf("unknown -engine %q (have nethttp, fiber)", *engine)
	}
	var err error
	if o.rt, err = o.flags.Runtime(nil); err != nil {
		return err
	}
	defer o.rt.Close()
	s, err := serve(&o)
	if err != nil {
		return err
	}
	if o.flags.Check {
		s.Check = func() error { return selfTest(s.Addr) }
	}
	return s.Wait(os.Stdout)
}

// serveNetHTTP is what a program has that exists, but for one line.
func serveNetHTTP(o *options) (*app.Server, error) {
	ln, err := o.flags.ListenStd(&stdnet.ListenConfig{Runtime: o.rt, Mode: o.mode})
	if err != nil {
		return nil, err
	}
	srv := &http.Server{
		Handler: http.HandlerFunc(hello), MaxHeaderBytes: maxHeader, ReadHeaderTimeout: o.slow, IdleTimeout: o.idle,
	}
	go func() {
		if err := srv.Serve(ln); err != http.ErrServerClosed {
			fmt.Fprintln(os.Stderr, "httphello:", err)
			os.Exit(1)
		}
	}()
	stop := func(ctx context.Context) { _ = srv.Shutdown(ctx) } // cut off with the runtime otherwise
	return &app.Server{
		Runtime: o.rt, Addr: ln.Addr(), Drain: o.flags.Drain, Before: stop, Listener: ln, Served: ln.Served,
	}, nil
}

func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(body) // a peer that is gone hears no error
}

// serveFibers answers on the loops' own threads.
func serveFibers(o *options) (*app.Server, error) {
	app.SpareProcessor(o.rt)
	ln, err := o.flags.Listen(o.rt, fiber.Serve(o.helloFiber))
	if err != nil {
		return nil, err
	}
	return &app.Server{Runtime: o.rt, Addr: ln.Addr(), Drain: o.flags.Drain, Listener: ln}, nil
}

// response is the fibers' answer, and keptResponse that for a peer of HTTP/1.0 whose
// connection stays, which it has to be told.
var (
	response     = responseWith()
	keptResponse = responseWith("Connection: keep-alive")
)

func responseWith(fields ...string) string {
	lines := append([]string{
		"HTTP/1.1 200 OK",
		"Content-Type: text/plain; charset=utf-8",
		fmt.Sprintf("Content-Length: %d", len(greeting)),
	}, fields...)
	return strings.Join(append(lines, "", greeting), "\r\n")
}
