// Package headrace serves what the project's examples do not: other libraries on its connections.
package headrace

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/headrace/headrace/bench/peers"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
	"github.com/headrace/headrace/runtime/stdnet"
)

// FastHTTP answers as package peers/fasthttp does, with the same unmodified server: on fibers or, with std,
// on package stdnet's listener.
func FastHTTP(cfg peers.Config, backend runtime.Backend, std bool) error {
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
	addr, err := listen(rt, cfg.Addr, srv, std)
	if err != nil {
		return err
	}
	peers.Announce(addr, rt.Backend().String(), len(rt.Loops()))
	<-stopped
	fmt.Fprintf(os.Stdout, "served enters=%d\n", rt.Stats().Total().Engine.Enters)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = rt.Shutdown(ctx) // connections that are kept open are cut off
	return nil
}

func listen(rt *runtime.Runtime, addr string, srv *fasthttp.Server, std bool) (net.Addr, error) {
	if !std {
		ln, err := rt.Listen(context.Background(), "tcp", addr,
			fiber.Serve(func(c *fiber.Conn) error { return srv.ServeConn(c) }))
		if err != nil {
			return nil, err
		}
		return ln.Addr(), nil
	}
	lc := stdnet.ListenConfig{Runtime: rt}
	ln, err := lc.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	go func() { _ = srv.Serve(ln) }() // ends with the program
	return ln.Addr(), nil
}
