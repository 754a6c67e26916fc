// Command proxy forwards TCP and Unix connections to one of several targets: a fiber
// dials, then bytes flow both ways without being touched or copied.
package main

import (
	"errors"
	"flag"
	"os"
	"time"

	"github.com/headrace/headrace/examples/internal/app"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
)

func main() { app.Main("proxy", run) }

// options are the command line.
type options struct {
	app.Flags
	to      targetList
	balance balance
	rest    time.Duration
	connect time.Duration
	idle    time.Duration
	slow    time.Duration
	stats   string
}

func (o *options) register() {
	o.Register("127.0.0.1:7001")
	flag.Var(&o.to, "to", "`target` to forward to: host:port or unix:path; several may be given")
	flag.TextVar(&o.balance, "balance", roundRobin, "`policy` that chooses a target: round-robin or least (connections)")
	flag.DurationVar(&o.rest, "rest", 5*time.Second, "how long a target that refused is left alone; 0 for not at all")
	flag.DurationVar(&o.connect, "connect", 3*time.Second,
		"how long a target may take to accept; 0 for as long as the system tries")
	flag.DurationVar(&o.idle, "idle", 5*time.Minute, "how long nothing may move on a connection; 0 for ever")
	flag.DurationVar(&o.slow, "slow", time.Minute, "how long a side may take no byte; 0 for ever")
	flag.StringVar(&o.stats, "stats", "", "`address` to serve statistics on, as JSON over HTTP")
}

func (o *options) validate() error {
	if len(o.to) == 0 {
		return errors.New("no target: give one with -to host:port or -to unix:path")
	}
	return nil
}

func run() error {
	var o options
	o.register()
	if err := o.Parse(); err != nil {
		return err
	}
	if err := o.validate(); err != nil {
		return err
	}
	rt, err := o.Runtime(&runtime.Config{WriteTimeout: o.slow})
	if err != nil {
		return err
	}
	defer rt.Close()
	app.SpareProcessor(rt)

	p := &proxy{rt: rt, targets: o.to, connect: o.connect, idle: o.idle}
	p.picker = picker{targets: o.to, balance: o.balance, rest: o.rest, now: time.Now}
	ln, err := o.Listen(rt, fiber.Serve(p.serve))
	if err != nil {
		return err
	}
	stop, err := p.tell(os.Stdout, o.stats)
	if err != nil {
		return err
	}
	w := app.Server{Runtime: rt, Addr: ln.Addr(), Drain: o.Drain, Listener: ln}
	if o.Check {
		w.Check = func() error { return selfTest(ln.Addr()) }
	}
	err = w.Wait(os.Stdout)
	stop()
	return errors.Join(err, p.print(os.Stdout))
}
