//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/headrace/headrace/bench/build"
	"github.com/headrace/headrace/bench/measure"
	"github.com/headrace/headrace/bench/report"
	"github.com/headrace/headrace/bench/scenario"
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
	cores, err := o.coreList()
	if err != nil {
		return err
	}
	if n, err := measure.RaiseFiles(scenario.OpenFiles); err != nil {
		return fmt.Errorf("raising the limit of open files: %w", err)
	} else if n < scenario.OpenFiles {
		fmt.Fprintf(os.Stderr, "the limit of open files is %d: rows with 10000 connections may fail\n", n)
	}
	places, err := build.All(ctx, os.Stderr, o.build)
	if err != nil {
		return err
	}
	if err := places.MakeFiles(); err != nil {
		return err
	}
	defer os.RemoveAll(places.Scratch)

	network, err := suite.Network(os.Stderr, o.congestion)
	if err != nil {
		return err
	}
	defer network.Close()

	started := time.Now()
	rep := &report.Report{Made: started, Machine: report.ThisMachine(cores, network), Peers: report.Versions(peers),
		Options: report.Options{Rounds: o.rounds, Duration: o.duration, Warmup: o.warmup, Baseline: o.baseline}}
	name := filepath.Join(o.out, started.Format("2006-01-02T150405"))
	s := &suite.Suite{Rows: rows, Peers: peers, Named: o.peers != "", Rounds: o.rounds, Duration: o.duration,
		Warmup: o.warmup, Cores: cores, Places: places, Nice: o.nice, Net: network, Progress: os.Stderr,
		Save: func(rows []report.Row, finished bool) error {
			rep.Rows, rep.Finished, rep.Took = rows, finished, time.Since(started)
			return rep.Save(name + ".json")
		}}
	fmt.Fprintf(os.Stderr, "%d rows, about %v\n", len(rows),
		scenario.Length(rows, peers, s.Named, o.rounds, o.warmup, o.duration).Round(time.Second))
	_, err = s.Run(ctx)
	if werr := write(rep, name); werr != nil {
		return werr
	}
	if o.smoke && err == nil {
		return rep.Sound()
	}
	return err
}

// write makes the pages from the report and prints the table.
func write(rep *report.Report, name string) error {
	if err := rep.Text(os.Stdout); err != nil {
		return err
	}
	if err := rep.WriteMarkdown(name + ".md"); err != nil {
		return err
	}
	if err := rep.WriteHTML(name + ".html"); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "wrote %s.json, .md and .html\n", name)
	return nil
}
