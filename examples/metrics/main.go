// Command metrics is an echo server that shows its runtime's statistics to Prometheus
// on /metrics of a second address.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:7000", "`address` to echo on")
	metrics := flag.String("metrics", "127.0.0.1:9100", "`address` of /metrics; not for open networks")
	flag.Parse()
	if flag.NArg() > 0 { // behind it flags go unread
		fail(fmt.Errorf("unexpected argument %q", flag.Arg(0)))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr, *metrics, func(echo, metrics net.Addr) {
		fmt.Printf("listening addr=%v metrics=http://%v/metrics\n", echo, metrics)
	}); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "metrics:", err)
	os.Exit(1)
}

type echo struct{}

func (echo) Data(c *runtime.Conn, in *buffers.Chain) { _ = c.Send(in.TakeAll()) }
func (echo) Closed(*runtime.Conn, error)             {}

// run serves until ctx is done. It calls ready with where it listens.
func run(ctx context.Context, addr, metrics string, ready func(echo, metrics net.Addr)) error {
	rt, err := runtime.New(nil)
	if err != nil {
		return err
	}
	defer rt.Close()
	ln, err := rt.Listen(ctx, "tcp", addr, func(*runtime.Conn) runtime.Handler { return echo{} })
	if err != nil {
		return err
	}
	side, err := net.Listen("tcp", metrics)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{rt})
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	go func() { _ = srv.Serve(side) }() // until Close
	defer srv.Close()

	ready(ln.Addr(), side.Addr())
	<-ctx.Done()
	const drain = 10 * time.Second
	last, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	return rt.Shutdown(last)
}
