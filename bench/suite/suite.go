//go:build linux

// Package suite runs the rows of the benchmark, peer by peer and round by round, interleaved.
package suite

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
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
	Named    bool // the peers were asked for by name: measure them wherever they serve
	Rounds   int
	Duration time.Duration
	Warmup   time.Duration
	Pairs    bool  // the peers are pairs of neighbours, which are compared: see order
	Cores    []int // servers take from the front, generators from the back
	Places   Places
	Nice     int // priority of servers and generators, 0 for the usual one
	Net      *harness.Network
	Progress io.Writer // what is going on, line by line
	// Save is called after every row with what there is so far.
	Save func(rows []report.Row, finished bool) error
}

// Run measures every row and returns them. A peer that fails is a line in its row; only a cancelled
// ctx, or a Save that fails, ends the run early.
func (s *Suite) Run(ctx context.Context) ([]report.Row, error) {
	var rows []report.Row
	for i, row := range s.Rows {
		fmt.Fprintf(s.Progress, "[%d/%d] %s %s\n", i+1, len(s.Rows), row.Scenario, row.Name)
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

// order is that of n peers in one round: shuffled, so that no peer always follows the same neighbour's heat,
// and the same again in another run. Pairs stay side by side, and take turns in which one is first.
func (s *Suite) order(row scenario.Row, round, n int) []int {
	seed := fnv.New64a()
	seed.Write([]byte(row.Key()))
	r := rand.New(rand.NewPCG(seed.Sum64(), uint64(round)))
	if !s.Pairs || n%2 != 0 {
		return r.Perm(n)
	}
	var out []int
	for _, i := range r.Perm(n / 2) {
		out = append(out, 2*i+round%2, 2*i+1-round%2)
	}
	return out
}

// row interleaves: every peer once, then every peer again, in another order.
func (s *Suite) row(ctx context.Context, row scenario.Row) report.Row {
	out := report.Row{Row: row}
	var peers []scenario.Peer
	for _, p := range s.Peers {
		if !row.Wants(p, s.Named) {
			continue
		}
		peers = append(peers, p)
		out.Entries = append(out.Entries, report.Entry{Peer: p.Name, Skipped: s.Places.missing(p, row.Serve)})
	}
	hopeless := make([]bool, len(peers)) // it did not start, or failed twice
	for round := range s.Rounds {
		for _, i := range s.order(row, round, len(peers)) {
			e := &out.Entries[i]
			if e.Skipped != "" || ctx.Err() != nil {
				continue
			}
			if hopeless[i] {
				e.Rounds = append(e.Rounds, report.Round{})
				continue
			}
			r, backend, err := s.once(ctx, row, peers[i])
			if ctx.Err() != nil {
				continue // the round was cut short, it says nothing about the peer
			}
			hopeless[i] = errors.Is(err, harness.ErrStart) || err != nil && len(e.Failed) > 0 && !errors.Is(err, errBehind)
			e.Rounds = append(e.Rounds, report.Round{OK: err == nil, Result: r})
			if err != nil {
				e.Failed = append(e.Failed, err.Error())
			}
			if backend != "" {
				e.Backend = backend
			}
			s.tell(round, e.Peer, row, r, err)
		}
	}
	return out
}

func (s *Suite) tell(round int, peer string, row scenario.Row, r load.Result, err error) {
	line := fmt.Sprintf("  %-22s %d/%d  ", peer, round+1, s.Rounds)
	if err != nil {
		fmt.Fprintln(s.Progress, line+"failed: "+err.Error())
		return
	}
	main := report.MetricOf(row.Metric)
	line += fmt.Sprintf("%8s %-12s %9s op/s  p50 %8s µs  server's core %3.0f %%  generator %3.0f %%",
		report.Text(main.Of(r)), main.Unit, report.Text(r.Throughput()), report.Text(report.Median.Of(r)),
		report.ServerBusy.Of(r), report.ClientBusy.Of(r))
	if r.Enters != nil {
		line += fmt.Sprintf("  %.3f enters/op", *r.Enters)
	}
	if r.Bound {
		line += "  client-bound"
	}
	fmt.Fprintln(s.Progress, line)
}
