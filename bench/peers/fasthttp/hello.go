// Package fasthttp serves hello with github.com/valyala/fasthttp over the standard library's sockets.
package fasthttp

import (
	goruntime "runtime"

	"github.com/valyala/fasthttp"

	"github.com/headrace/headrace/bench/peers"
)

// Backend is what this server announces.
const Backend = "netpoller"

// Hello answers every request with the same few bytes.
func Hello(cfg peers.Config) error {
	stopped := peers.Stopped()
	ln, err := peers.Listen(cfg.Addr)
	if err != nil {
		return err
	}
	srv := &fasthttp.Server{
		Handler: func(ctx *fasthttp.RequestCtx) {
			ctx.SetContentType("text/plain")
			_, _ = ctx.WriteString(peers.HelloBody) // into memory: it can not fail
		},
	}
	go func() {
		<-stopped
		_ = srv.Shutdown() // on the way out
	}()
	peers.Announce(ln.Addr(), Backend, goruntime.GOMAXPROCS(0))
	return srv.Serve(ln)
}
