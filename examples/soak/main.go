// Command soak runs all example servers under a mixed load for as long as it is
// told: clients that send, stall, reset and vanish, while every byte is checked and
// memory, descriptors, goroutines, chunks and timers are watched. It fails if a byte
// is wrong, a server does not end in order, a callback holds its loop, or something grew.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/headrace/headrace/examples/internal/app"
)

func main() { app.Main("soak", run) }

// options are the command line.
type options struct {
	duration time.Duration
	clients  int
	backend  string
	loops    int
	out      string
	every    time.Duration
	seed     uint64
	maxStall time.Duration
	bin      string
	faults   uint64
}

func (o *options) register() {
	flag.DurationVar(&o.duration, "duration", 10*time.Minute, "how long")
	flag.IntVar(&o.clients, "clients", 1000, "how many clients at a time")
	flag.StringVar(&o.backend, "backend", "auto", "`engine` of the servers: auto, io_uring, epoll or portable")
	flag.IntVar(&o.loops, "loops", 2, "loops of each server")
	flag.StringVar(&o.out, "out", "", "`folder` for soak.csv and soak.svg; default none")
	flag.DurationVar(&o.every, "every", 0, "time between samples; default a 200th of -duration, at least 200 ms")
	flag.Uint64Var(&o.seed, "seed", 1, "what the clients do")
	flag.DurationVar(&o.maxStall, "max-stall", 50*time.Millisecond,
		"callbacks must not hold a loop for longer; at least 4 ms")
	flag.Uint64Var(&o.faults, "faults", 0, "run the servers on engines that misbehave, from this `seed`; 0 for not")
	flag.StringVar(&o.bin, "bin", "", "`folder` with the example commands; default: build them")
}

func (o *options) validate() error {
	if o.every == 0 {
		const samples = 200
		o.every = max(o.duration/samples, 200*time.Millisecond)
	}
	switch {
	case o.maxStall < 4*time.Millisecond:
		return errors.New("-max-stall is to be at least 4 ms")
	case o.duration <= 0 || o.every <= 0 || o.every > o.duration:
		return errors.New("-duration and -every are to be positive, and -every the shorter one")
	case o.clients <= 0 || o.loops <= 0:
		return errors.New("-clients and -loops are to be positive")
	}
	return nil
}

func run() error {
	var o options
	o.register()
	if err := app.Parse(); err != nil {
		return err
	}
	if err := o.validate(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "headrace-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return soak(ctx, &o, dir)
}

// soak is one run. Everything it makes is in dir.
func soak(ctx context.Context, o *options, dir string) error {
	f, err := startFleet(o, dir)
	if err != nil {
		return err
	}
	defer f.kill()
	l := &load{fleet: f, seed: o.seed}
	if err := l.warmUp(); err != nil {
		return errors.Join(fmt.Errorf("warming up: %w", err), f.gone())
	}
	rec := &record{fleet: f}
	if err := rec.settle(ctx); err != nil { // what they hold when nobody is there
		return err
	}
	baseline := rec.last()

	ctx, cancel := context.WithTimeout(ctx, o.duration)
	defer cancel()
	began := time.Now()
	sampled := make(chan error, 1)
	go func() { sampled <- rec.watch(ctx, o.every) }()
	failed := l.run(ctx, o.clients)
	if failed != nil {
		failed = errors.Join(failed, f.gone())
	}
	cancel()
	failed = errors.Join(failed, <-sampled)
	fmt.Println(l.summary(time.Since(began)))
	failed = errors.Join(failed, rec.settle(context.Background()))
	if o.out != "" {
		failed = errors.Join(failed, rec.write(filepath.Join(o.out, "soak.csv"), filepath.Join(o.out, "soak.svg")))
	}
	fmt.Print(rec.table(baseline), rec.longest())
	return errors.Join(failed, rec.grew(baseline), rec.stalled(o.maxStall), f.stop())
}
