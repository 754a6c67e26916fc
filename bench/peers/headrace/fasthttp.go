// Package headrace serves what the project's examples do not: other libraries on its connections.
package headrace

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/headrace/headrace/bench/peers"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
)

// FastHTTP answers as package peers/fasthttp does, with the same unmodified server, on fibers.
func FastHTTP(cfg peers.Config, backend runtime.Backend) error {
	stopped := peers.Stopped()
	rt, err := runtime.New(&runtime.Config{Backend: backend, Loops: max(cfg.Loops, 1)})
	if err != nil {
		return err
	}
	defer rt.Close()
	srv := &fasthttp.Server{
		Handler: func(ctx *fasthttp.RequestCtx) {
			ctx.SetContentType("text/plain")
			_, _ = ctx.WriteString(peers.HelloBody) // into memory: it can not fail
		},
	}
	ln, err := rt.Listen(context.Background(), "tcp", cfg.Addr,
		fiber.Serve(func(c *fiber.Conn) error { return srv.ServeConn(c) }))
	if err != nil {
		return err
	}
	peers.Announce(ln.Addr(), rt.Backend().String(), len(rt.Loops()))
	<-stopped
	fmt.Fprintf(os.Stdout, "served enters=%d\n", rt.Stats().Total().Engine.Enters)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = rt.Shutdown(ctx) // connections that are kept open are cut off
	return nil
}
