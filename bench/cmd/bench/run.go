//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/headrace/headrace/bench/harness"
	"github.com/headrace/headrace/bench/measure"
	"github.com/headrace/headrace/bench/report"
	"github.com/headrace/headrace/bench/suite"
)

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	rows, err := o.rows()
	if err != nil {
		return err
	}
	peers, err := o.selected()
	if err != nil {
		return err
	}
	if _, err := measure.RaiseFiles(1 << 16); err != nil {
		return fmt.Errorf("raising the limit of open files: %w", err)
	}
	here, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	bin, floor := filepath.Join(here, ".bin"), filepath.Join(here, "floor", "bin")
	if o.build {
		if err := build(ctx, bin); err != nil {
			return err
		}
	}
	started := time.Now()
	rep := &report.Report{Made: started, Options: report.Options{Rounds: o.rounds, Duration: o.duration,
		Warmup: o.warmup, Baseline: o.baseline}}
	path := filepath.Join(o.out, started.Format("2006-01-02T150405")+".json")
	s := &suite.Suite{Rows: rows, Peers: peers, Rounds: o.rounds, Duration: o.duration, Warmup: o.warmup,
		Cores: harness.Cores{Server: []int{o.serverCore}, Client: []int{o.clientCore}},
		Bin:   bin, Floor: floor, Progress: os.Stderr,
		Save: func(rows []report.Row, finished bool) error {
			rep.Rows, rep.Finished, rep.Took = rows, finished, time.Since(started)
			return rep.Save(path)
		}}
	_, err = s.Run(ctx)
	if terr := rep.Text(os.Stdout); terr != nil {
		return terr
	}
	fmt.Fprintln(os.Stderr, "results:", path)
	return err
}

// build makes our binaries; the C servers only where a compiler and liburing are.
func build(ctx context.Context, bin string) error {
	fmt.Fprintln(os.Stderr, "building …")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", bin+"/", "./cmd/peer", "./cmd/load")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("building the servers: %w", err)
	}
	floor := exec.CommandContext(ctx, "make", "-s", "-k", "-C", "floor")
	if out, err := floor.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "floor/ is skipped in part or whole (it needs gcc and liburing-dev): %v\n%s", err, out)
	}
	return nil
}
