//go:build linux

// Command compare measures the project's examples at another commit against the ones in this
// checkout, interleaved, and says which rows changed:
//
//	go run ./cmd/compare -ref HEAD~1
//	go run ./cmd/compare -ref v0.1.0 -scenario echo -size 64 -rounds 15
//
// A change is called one when the 95 % confidence interval of the median of the per-round quotients
// new ÷ old leaves out 1. It exits with 1 when a row got worse by more than -tolerance.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace/bench/build"
	"github.com/headrace/headrace/bench/measure"
	"github.com/headrace/headrace/bench/report"
	"github.com/headrace/headrace/bench/scenario"
	"github.com/headrace/headrace/bench/suite"
)

func main() {
	ctx, stop := suite.Interruptible(context.Background())
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		stop()
		os.Exit(1)
	}
}

type options struct {
	ref       string
	pick      scenario.Pick
	peers     string
	rounds    int
	duration  time.Duration
	tolerance float64
}

func parse(args []string) (*options, error) {
	o := new(options)
	f := flag.NewFlagSet("compare", flag.ContinueOnError)
	f.StringVar(&o.ref, "ref", "HEAD", "commit to compare with")
	f.StringVar(&o.pick.Scenarios, "scenario", "echo,pipeline,hello,static", "only these chapters")
	f.StringVar(&o.pick.Sizes, "size", "", "only rows with these message sizes in bytes (default "+usualSizes+
		", where a chapter has them)")
	f.StringVar(&o.pick.Conns, "conns", "", "only rows with these numbers of connections (default "+usualConns+")")
	f.StringVar(&o.peers, "peers", "", "only these of ours, comma-separated")
	f.IntVar(&o.rounds, "rounds", 10, "interleaved rounds; fewer than 6 decide nothing")
	f.DurationVar(&o.duration, "duration", scenario.Duration, "length of one measurement")
	f.Float64Var(&o.tolerance, "tolerance", 0.05, "how much worse a row may get")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	return o, nil
}

// What is compared unless the options say: enough to see a change, in minutes.
const (
	usualSizes = "64,14,4096,16384"
	usualConns = "64,100,1000"
)

// rows are those that were asked for; of a chapter without choice the usual ones or, where it has none, all.
func (o *options) rows() ([]scenario.Row, error) {
	rows, err := o.pick.Rows()
	if err != nil || o.pick.Sizes != "" || o.pick.Conns != "" {
		return rows, err
	}
	usual := func(r scenario.Row) bool {
		return scenario.In(usualSizes, strconv.Itoa(r.Spec.Size)) && scenario.In(usualConns, strconv.Itoa(r.Spec.Conns))
	}
	has := map[string]bool{}
	for _, r := range rows {
		has[r.Scenario] = has[r.Scenario] || usual(r)
	}
	return slices.DeleteFunc(rows, func(r scenario.Row) bool { return has[r.Scenario] && !usual(r) }), nil
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	rows, err := o.rows()
	if err != nil {
		return err
	}
	if len(pairs(o.peers, "", "")) == 0 {
		return fmt.Errorf("no peer of %q is an example of this project", o.peers)
	}
	cores, err := measure.Cores()
	if err != nil {
		return err
	}
	if _, err := measure.RaiseFiles(scenario.OpenFiles); err != nil {
		return err
	}
	places, err := build.All(ctx, os.Stderr, true)
	if err != nil {
		return err
	}
	if err := places.MakeFiles(); err != nil {
		return err
	}
	defer os.RemoveAll(places.Scratch)
	old := filepath.Join(places.Scratch, "old-examples")
	if err := buildOld(ctx, o.ref, places.Scratch, old); err != nil {
		return err
	}
	peers := pairs(o.peers, places.Examples, old)
	for i, p := range peers {
		if strings.HasSuffix(p.Name, oldSuffix) {
			peers[i] = withKnownFlags(ctx, os.Stderr, p)
		}
	}
	network, err := suite.Network(os.Stderr, suite.Congestion)
	if err != nil {
		return err
	}
	defer network.Close()
	var done []report.Row
	s := &suite.Suite{Rows: rows, Peers: peers, Named: true, Pairs: true, Rounds: o.rounds,
		Duration: o.duration, Warmup: scenario.Warmup, Cores: cores, Places: places, Net: network, Progress: os.Stderr,
		Save: func(rows []report.Row, _ bool) error { done = rows; return nil }}
	_, err = s.Run(ctx)
	return errors.Join(err, tell(os.Stdout, done, o))
}

// buildOld checks ref out beside this checkout and builds its examples into dir.
func buildOld(ctx context.Context, ref, scratch, dir string) error {
	tree := filepath.Join(scratch, "old")
	fmt.Fprintf(os.Stderr, "building the examples at %s …\n", ref)
	add := exec.CommandContext(ctx, "git", "worktree", "add", "--detach", "--quiet", tree, ref)
	if out, err := add.CombinedOutput(); err != nil {
		return fmt.Errorf("git worktree add: %w: %s", err, strings.TrimSpace(string(out)))
	}
	defer func() {
		// Not with ctx: the worktree has to go even when the run is cut short.
		if out, err := exec.Command("git", "worktree", "remove", "--force", tree).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "git worktree remove: %v: %s\n", err, out)
		}
	}()
	err := build.Examples(ctx, tree, dir)
	if built, _ := filepath.Glob(filepath.Join(dir, "*")); len(built) == 0 || ctx.Err() != nil {
		return fmt.Errorf("the examples at %s: %w", ref, err)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "left out at %s: %v\n", ref, err)
	}
	return nil
}

const oldSuffix = " (old)"

// pairs are our servers, each from both folders.
func pairs(only, fresh, old string) []scenario.Peer {
	var peers []scenario.Peer
	for _, p := range scenario.Peers() {
		if p.Ours && p.Examples && (only == "" || strings.Contains(","+only+",", ","+p.Name+",")) {
			peers = append(peers, p.From(fresh, ""), p.From(old, oldSuffix))
		}
	}
	return peers
}
