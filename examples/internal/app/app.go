// Package app is what the example servers share: flags, the line that tells where
// they listen, and an orderly end.
package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	goruntime "runtime"
	"syscall"
	"time"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver/faults"
)

// Flags are the flags that every example has.
type Flags struct {
	Addr     string
	Backend  runtime.Backend
	Loops    int
	BusyPoll time.Duration
	Drain    time.Duration
	Verbose  bool
	Check    bool
	Debug    string
	Stall    time.Duration
	Faults   uint64
}

// Register adds the flags to the command line's.
func (f *Flags) Register(addr string) {
	flag.StringVar(&f.Addr, "addr", addr, "`address` to listen on: host:port, port 0 for any, or unix:path")
	flag.TextVar(&f.Backend, "backend", runtime.Auto,
		"`engine`: auto, io_uring, epoll or portable; the environment variable "+runtime.BackendEnv+" overrides it")
	flag.IntVar(&f.Loops, "loops", goruntime.GOMAXPROCS(0), "number of loops, at least 1")
	flag.DurationVar(&f.BusyPoll, "busy-poll", 0,
		"how long loops look for work before they sleep, at most 1 s; 0 for not at all")
	flag.DurationVar(&f.Drain, "drain", 10*time.Second,
		"how long connections that have something to finish may take at the end; 0 for ever")
	flag.BoolVar(&f.Verbose, "v", false, "log what happens")
	flag.StringVar(&f.Debug, "debug", "",
		"`address` to serve expvar's /debug/vars on, port 0 for any; not for open networks")
	flag.DurationVar(&f.Stall, "stall", 0,
		"count callbacks that hold a loop for longer, log them with -v, tell their parts with -debug; 0 for 100 ms")
	flag.Uint64Var(&f.Faults, "faults", 0,
		"for tests: run on an engine that misbehaves, as far as no connection ends from it, from this `seed`")
	flag.BoolVar(&f.Check, "selftest", false, "be a client of its own, end, and tell by the exit code")
}

// Runtime starts the runtime that the flags ask for, with cfg for the rest.
func (f *Flags) Runtime(cfg *runtime.Config) (*runtime.Runtime, error) {
	cfg = cfg.Clone()
	cfg.Backend, cfg.Loops, cfg.BusyPoll = f.Backend, f.Loops, f.BusyPoll
	if f.Verbose && cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	if f.Stall != 0 {
		cfg.StallThreshold = f.Stall
	}
	if f.Faults != 0 {
		cfg.WrapEngine = faults.Harmless(f.Faults).WrapEngine
	}
	var stalls *stallWatch
	if f.Stall != 0 && f.Debug != "" {
		stalls = &stallWatch{}
		stalls.hook(&cfg.Hooks)
	}
	rt, err := runtime.New(cfg)
	if err == nil && f.Debug != "" {
		if err = serveDebug(rt, f.Debug, stalls); err != nil {
			rt.Close()
			return nil, err
		}
	}
	return rt, err
}

// Server is an example's running server.
type Server struct {
	Runtime *runtime.Runtime
	Addr    net.Addr
	Drain   time.Duration
	// Before, if not nil, is called before the runtime shuts down.
	Before func(ctx context.Context)
	// Listener, if not nil, is what SIGHUP hands over to a new process of this program.
	Listener runtime.FileListener
	// Unseen, if not nil, waits after an upgrade for connections that are not the runtime's. A signal to end
	// waits for none of these.
	Unseen func(ctx context.Context)
	// Served, if not nil, tells what was served in place of the runtime's counts: connections in Go's netpoller
	// and their bytes never come to it.
	Served func() string
	// Check, if not nil, is what the server does instead of waiting: a client's part,
	// for -selftest.
	Check func() error
}

// Wait prints where the server listens, waits for SIGINT or SIGTERM, shuts down
// in order and prints what it did.
func (s *Server) Wait(out io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	hangup, deaf := onHangup()
	defer deaf()
	before := mallocs()
	fmt.Fprintf(out, "listening addr=%s backend=%s loops=%d\n", s.Addr, s.Runtime.Backend(), len(s.Runtime.Loops()))
	if err := runtime.Ready(); err != nil {
		return err
	}
	var failed error
	upgraded := false
	if s.Check != nil {
		failed = s.Check()
	} else {
		upgraded = s.serve(ctx, hangup, out)
	}
	stop() // a second signal ends the program at once

	ctx, cancel := Within(context.Background(), s.Drain)
	defer cancel()
	if s.Before != nil {
		s.Before(ctx)
	}
	if upgraded {
		s.drain()
	}
	total, allocated := s.Runtime.Stats().Total(), mallocs()-before
	err := s.Runtime.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		fmt.Fprintf(out, "cut off connections that did not end within %v\n", s.Drain)
		err = s.Runtime.Close() // it is closed: this tells how that went
	}
	e := &total.Engine
	served := fmt.Sprintf("connections=%d bytes_in=%d bytes_out=%d", total.Accepted, e.BytesIn, e.BytesOut)
	if s.Served != nil {
		served = s.Served()
	}
	fmt.Fprintf(out, "served %s enters=%d completions=%d mallocs=%d\n", served, e.Enters, e.Completed, allocated)
	return errors.Join(failed, err)
}

// mallocs is how many objects the program has allocated.
func mallocs() uint64 {
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	return m.Mallocs
}

// Main runs an example and ends the program: with one line on stderr and code 1
// if it failed.
func Main(name string, run func() error) {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}
