//go:build linux

package main

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace/bench/harness"
	"github.com/headrace/headrace/bench/measure"
	"github.com/headrace/headrace/bench/scenario"
	"github.com/headrace/headrace/bench/suite"
)

type options struct {
	pick             scenario.Pick
	peers            string
	rounds           int
	duration, warmup time.Duration
	cores            string
	baseline         string
	extra            extras
	out              string
	build, smoke     bool
	nice             int
	congestion       string
}

// extras are servers that only this run knows.
type extras []scenario.Peer

// String is what flag prints as the default.
func (e *extras) String() string { return "" }

// Set parses name=COMMAND or name@serve=COMMAND; the command is split at spaces.
func (e *extras) Set(v string) error {
	name, command, ok := strings.Cut(v, "=")
	if !ok || name == "" || command == "" {
		return fmt.Errorf("want name=COMMAND…, got %q", v)
	}
	name, serve, ok := strings.Cut(name, "@")
	if !ok {
		serve = scenario.ServeEcho
	}
	*e = append(*e, scenario.Peer{Name: name, About: command,
		Commands: map[string]harness.Command{serve: {Args: strings.Fields(command)}}})
	return nil
}

func parse(args []string) (*options, error) {
	o := new(options)
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&o.pick.Scenarios, "scenario", "", "only these chapters, comma-separated")
	f.StringVar(&o.peers, "peers", "", "only these peers, comma-separated")
	f.StringVar(&o.pick.Sizes, "size", "", "only rows with these message sizes in bytes")
	f.StringVar(&o.pick.Conns, "conns", "", "only rows with these numbers of connections")
	f.IntVar(&o.rounds, "rounds", scenario.Rounds, "interleaved rounds")
	f.DurationVar(&o.duration, "duration", scenario.Duration, "length of one measurement")
	f.DurationVar(&o.warmup, "warmup", scenario.Warmup, "traffic before it, not counted")
	f.StringVar(&o.cores, "cores", "", "cores to use, servers first (default all; 0,1 is enough)")
	f.StringVar(&o.baseline, "baseline", "std", "peer that the others are divided by")
	f.Var(&o.extra, "extra", "another server, name=COMMAND or name@serve=COMMAND with {addr}, {loops}, {size}")
	f.StringVar(&o.out, "out", "results", "folder for the results")
	f.BoolVar(&o.build, "build", true, "build the servers first")
	f.BoolVar(&o.smoke, "smoke", false, "run a moment of everything, to see that it works")
	f.IntVar(&o.nice, "nice", 0, "priority of servers and generator; negative ones withstand other work")
	f.StringVar(&o.congestion, "congestion", suite.Congestion, "TCP's congestion control, in a network of its own "+
		"where that is allowed; empty for the machine's")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if o.rounds < 1 || o.duration <= 0 || o.warmup < 0 {
		return nil, fmt.Errorf("-rounds %d, -duration %v, -warmup %v: want at least one round of some length",
			o.rounds, o.duration, o.warmup)
	}
	if o.smoke {
		o.rounds, o.duration, o.warmup = 1, scenario.SmokeDuration, 0
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return o, nil
}

// rows picks what the options ask for.
func (o *options) rows() ([]scenario.Row, error) {
	if o.smoke {
		return scenario.Smoke(), nil
	}
	return o.pick.Rows()
}

func (o *options) selected() ([]scenario.Peer, error) {
	all := scenario.Peers()
	var picked []scenario.Peer
	for _, p := range all {
		if scenario.In(o.peers, p.Name) {
			picked = append(picked, p)
		}
	}
	for _, name := range strings.Split(o.peers, ",") {
		known := func(p scenario.Peer) bool { return p.Name == name }
		if name != "" && !slices.ContainsFunc(all, known) {
			return nil, fmt.Errorf("no peer %q", name)
		}
	}
	return append(picked, o.extra...), nil
}

// coreList is -cores, or every core there is.
func (o *options) coreList() ([]int, error) {
	if o.cores == "" {
		return measure.Cores()
	}
	var cores []int
	for _, text := range strings.Split(o.cores, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("-cores %q: want numbers with commas", o.cores)
		}
		cores = append(cores, n)
	}
	return cores, nil
}
