//go:build linux

// Package suite runs the rows of the benchmark, peer by peer and round by round, interleaved.
package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/headrace/headrace/bench/harness"
	"github.com/headrace/headrace/bench/load"
	"github.com/headrace/headrace/bench/report"
	"github.com/headrace/headrace/bench/scenario"
)

// Suite is one run.
type Suite struct {
	Rows     []scenario.Row
	Peers    []scenario.Peer
	Rounds   int
	Duration time.Duration
	Warmup   time.Duration
	Cores    harness.Cores
	Bin      string    // folder of our binaries
	Floor    string    // folder of the C servers
	Files    string    // folder of the static files
	Progress io.Writer // what is going on, line by line
	// Save is called after every row with what there is so far.
	Save func(rows []report.Row, finished bool) error
}

// Run measures every row and returns them. A peer that fails is a line in its row; only a cancelled
// ctx, or a Save that fails, ends the run early.
func (s *Suite) Run(ctx context.Context) ([]report.Row, error) {
	var rows []report.Row
	for i, row := range s.Rows {
		fmt.Fprintf(s.Progress, "[%d/%d] %s\n", i+1, len(s.Rows), row.Key())
		done := s.row(ctx, row)
		if ctx.Err() == nil || len(done.Entries) > 0 {
			rows = append(rows, done)
		}
		if err := s.Save(rows, ctx.Err() == nil && i == len(s.Rows)-1); err != nil {
			return rows, err
		}
		if ctx.Err() != nil {
			return rows, ctx.Err()
		}
	}
	return rows, nil
}

// row interleaves: every peer once, then every peer again, starting with another one each round, so
// that no peer always follows the same neighbour's heat.
func (s *Suite) row(ctx context.Context, row scenario.Row) report.Row {
	out := report.Row{Row: row}
	var peers []scenario.Peer
	for _, p := range s.Peers {
		if !row.Wants(p) {
			continue
		}
		peers = append(peers, p)
		out.Entries = append(out.Entries, report.Entry{Peer: p.Name, Skipped: s.missing(p)})
	}
	for round := range s.Rounds {
		for k := range peers {
			i := (k + round) % len(peers)
			e := &out.Entries[i]
			if e.Skipped != "" || len(e.Failed) > 1 || ctx.Err() != nil {
				if e.Skipped == "" {
					e.Rounds = append(e.Rounds, report.Round{})
				}
				continue
			}
			r, backend, err := s.once(ctx, row, peers[i])
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			e.Rounds = append(e.Rounds, report.Round{OK: err == nil, Result: r})
			if err != nil {
				e.Failed = append(e.Failed, strings.TrimSpace(err.Error()))
			}
			if backend != "" {
				e.Backend = backend
			}
			s.tell(row, round, e.Peer, r, err)
		}
	}
	return out
}

// once is one round of one peer: a fresh server, a run, the end of the server.
func (s *Suite) once(ctx context.Context, row scenario.Row, p scenario.Peer) (load.Result, string, error) {
	cmd := p.Commands[row.Serve]
	for i, a := range cmd.Args {
		if i == 0 {
			cmd.Args = append([]string(nil), cmd.Args...)
		}
		cmd.Args[i] = s.place(a)
	}
	server, err := harness.Start(ctx, cmd, harness.Params{Size: row.Spec.Size, Loops: row.Loops}, s.Cores.Server)
	if err != nil {
		return load.Result{}, "", err
	}
	spec := row.Spec
	spec.Core = s.Cores.Server[0]
	spec.Warmup, spec.Duration = s.Warmup, s.Duration
	r, err := harness.Load(ctx, s.Bin+"/load", spec, server, s.Cores.Client)
	_ = server.Stop() // measured; how it ends is the tests' business
	if err == nil && r.Errors > 0 {
		err = fmt.Errorf("%d connections failed: %s", r.Errors, r.Error)
	}
	return r, server.Backend, err
}

func (s *Suite) place(arg string) string {
	return strings.NewReplacer("{bin}", s.Bin, "{floor}", s.Floor).Replace(arg)
}

// missing says why a peer can not run here, or nothing.
func (s *Suite) missing(p scenario.Peer) string {
	if p.Binary == "" {
		return ""
	}
	if _, err := lookPath(s.place(p.Binary)); err != nil {
		return s.place(p.Binary) + " is not there"
	}
	return ""
}

func (s *Suite) tell(row scenario.Row, round int, peer string, r load.Result, err error) {
	line := fmt.Sprintf("  %-16s %d/%d  ", peer, round+1, s.Rounds)
	if err != nil {
		fmt.Fprintln(s.Progress, line+"failed: "+err.Error())
		return
	}
	line += fmt.Sprintf("%8s µs/op  %9s op/s  p50 %8s µs  core %3.0f %%  generator %3.0f %%",
		report.Text(report.CPUPerOp.Of(r)), report.Text(r.Throughput()), report.Text(report.Median.Of(r)),
		report.ServerBusy.Of(r), report.ClientBusy.Of(r))
	if r.Bound {
		line += "  client-bound"
	}
	fmt.Fprintln(s.Progress, line)
}

func lookPath(file string) (string, error) {
	if strings.ContainsRune(file, '/') {
		_, err := os.Stat(file)
		return file, err
	}
	return findInPath(file)
}

var errNotFound = errors.New("not in PATH")
