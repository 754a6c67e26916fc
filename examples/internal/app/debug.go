package app

import (
	"expvar"
	"fmt"
	"net"
	"net/http"
	"os"
	goruntime "runtime"
	"time"

	"github.com/headrace/headrace/runtime"
)

// serveDebug serves /debug/vars on an address of its own, over package net so that it
// answers whatever the runtime does, until the program ends.
func serveDebug(rt *runtime.Runtime, address string, stalls *stallWatch) error {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	expvar.Publish("headrace", rt.Var())
	expvar.Publish("goroutines", expvar.Func(func() any { return goruntime.NumGoroutine() }))
	if stalls != nil {
		expvar.Publish("stalls", expvar.Func(stalls.list))
		if err := stalls.watch(rt); err != nil { // ends with the program
			return err
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/debug/vars", expvar.Handler())
	s := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	fmt.Fprintf(os.Stderr, "variables on http://%s/debug/vars\n", ln.Addr())
	go func() { _ = s.Serve(ln) }() // ends with the program
	return nil
}
