package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headrace/headrace/bench/scenario"
	"github.com/headrace/headrace/bench/stats"
)

// Why says what a reader has to know about an entry: that it was skipped, failed, or was not the limit.
func (e *Entry) Why() string {
	var notes []string
	switch {
	case e.Skipped != "":
		return "skipped: " + e.Skipped
	case len(e.Failed) == 0 && e.good() == 0:
		return "not measured"
	case e.good() == 0:
		return "failed: " + first(e.Failed)
	case len(e.Failed) > 0:
		notes = append(notes, fmt.Sprintf("%d of %d rounds failed: %s", len(e.Failed), len(e.Rounds), e.Failed[0]))
	}
	for _, n := range []struct {
		is   bool
		text string
	}{
		{e.Bound(), "client-bound"}, {e.Behind(), "generator late"}, {e.Disturbed(), "other work on the core"},
		{e.Lossy(), "more than 1 % lost"}, {e.Cold(), "warm-up too short"}, {e.Few(), "fewer than 3 answers a connection"},
	} {
		if n.is {
			notes = append(notes, n.text)
		}
	}
	return strings.Join(notes, "; ")
}

// Bound tells whether the generator was the limit in at least half of the good rounds.
func (e *Entry) Bound() bool { return e.mostly(func(r *Round) bool { return r.Bound }) }

// Behind tells whether, in at least half of the good rounds, the generator sent so late that this may be
// a quarter of the 99th percentile: that is then no longer the server's alone.
func (e *Entry) Behind() bool {
	return e.mostly(func(r *Round) bool { return 4*r.Latency.Late > r.Latency.P99 })
}

// Disturbed tells whether, in at least half of the good rounds, something else took more than a tenth
// of the server's cores: the numbers are then too high and too far apart.
func (e *Entry) Disturbed() bool {
	return e.mostly(func(r *Round) bool {
		other := r.ServerBusy - r.Server.CPU
		if r.Shared {
			other -= r.Client
		}
		return 10*int64(other) > int64(r.Elapsed)*int64(max(r.ServerCores, 1))
	})
}

// Lossy tells whether, in at least half of the good rounds, more than one datagram in a hundred was lost: those
// cost less than answers.
func (e *Entry) Lossy() bool {
	return e.mostly(func(r *Round) bool { return 100*r.Lost > r.Total+r.Lost })
}

// Cold tells whether, in at least half of the good rounds, the warm-up ended before every connection was answered.
func (e *Entry) Cold() bool { return e.mostly(func(r *Round) bool { return r.Cold }) }

// Few tells whether, in at least half of the good rounds, there were fewer than three answers for each connection.
func (e *Entry) Few() bool { return e.mostly(func(r *Round) bool { return r.Few }) }

func (e *Entry) good() int {
	n := 0
	for i := range e.Rounds {
		if e.Rounds[i].OK {
			n++
		}
	}
	return n
}

func (e *Entry) mostly(is func(*Round) bool) bool {
	n := 0
	for i := range e.Rounds {
		if r := &e.Rounds[i]; r.OK && is(r) {
			n++
		}
	}
	return n > 0 && 2*n >= e.good()
}

// remarks are what there is to say about all of the row.
func (r *Row) remarks() []string {
	var out []string
	shared := func(e Entry) bool { return e.mostly(func(r *Round) bool { return r.Shared }) }
	if slices.ContainsFunc(r.Entries, shared) {
		out = append(out, "The generator shares the server's cores: what it takes the server can not have.")
	}
	if r.Scenario == "slow" {
		out = append(out, r.once()...)
	}
	return out
}

// What one machine could do that started this project, as CPU time for a gigabit.
const (
	pentium2 = 1e3 / 0.3 // ms: 300 Mbit/s on a Pentium II
	pentium3 = 1e3 / 1.5 // ms: 1.5 Gbit/s over loopback on a Pentium III
)

// once compares the best of ours with the machines of once.
func (r *Row) once() []string {
	m := MetricOf(r.Metric)
	ours := r.Entry("headrace")
	if ours == nil || r.Metric != scenario.CPUPerGbit {
		return nil
	}
	s := stats.Summarize(Good(ours.Values(m)))
	if s.N == 0 || s.Median <= 0 {
		return nil
	}
	return []string{fmt.Sprintf("headrace spends %s ms on a gigabit: a core full of such peers would carry %s Gbit/s. "+
		"This project began with 300 Mbit/s on a Pentium II, which is %.0f ms for a gigabit, and 1.5 Gbit/s over loopback "+
		"on a Pentium III, which is %.0f ms: %s and %s times as much.",
		Text(s.Median), Text(1e3/s.Median), pentium2, pentium3, Text(pentium2/s.Median), Text(pentium3/s.Median))}
}
