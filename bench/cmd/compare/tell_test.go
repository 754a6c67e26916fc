//go:build linux

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/bench/load"
	"github.com/headrace/headrace/bench/measure"
	"github.com/headrace/headrace/bench/report"
	"github.com/headrace/headrace/bench/scenario"
	"github.com/headrace/headrace/bench/stats"
)

func TestJudge(t *testing.T) {
	tests := map[string]struct {
		ci      stats.Interval
		more    bool
		verdict string
		worse   bool
	}{
		"faster":               {stats.Interval{Low: 0.8, High: 0.9, OK: true}, false, "better", false},
		"slower":               {stats.Interval{Low: 1.1, High: 1.3, OK: true}, false, "worse", true},
		"slower, but a little": {stats.Interval{Low: 1.01, High: 1.3, OK: true}, false, "worse", false},
		"the same":             {stats.Interval{Low: 0.99, High: 1.02, OK: true}, false, "~", false},
		"less of what is good": {stats.Interval{Low: 0.7, High: 0.8, OK: true}, true, "worse", true},
		"more of what is good": {stats.Interval{Low: 1.2, High: 1.3, OK: true}, true, "better", false},
		"few rounds":           {stats.Interval{Low: 1.2, High: 1.3}, false, "too few rounds", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			verdict, worse := judge(tt.ci, tt.more, 0.05)
			require.Equal(t, tt.verdict, verdict)
			require.Equal(t, tt.worse, worse)
		})
	}
}

func TestTellFailsWhenARowGotWorse(t *testing.T) {
	rounds := func(cpu time.Duration) []report.Round {
		var out []report.Round
		for i := range 8 {
			out = append(out, report.Round{OK: true, Result: load.Result{Ops: 1000,
				Server: measure.Usage{CPU: 1000*cpu + time.Duration(i)*time.Microsecond}}})
		}
		return out
	}
	row := scenario.Row{Scenario: "echo", Name: "x", Metric: scenario.CPUPerOp}
	rows := []report.Row{{Row: row, Entries: []report.Entry{
		{Peer: "headrace", Rounds: rounds(12 * time.Microsecond)},
		{Peer: "headrace" + oldSuffix, Rounds: rounds(10 * time.Microsecond)},
	}}}
	var out strings.Builder
	require.ErrorContains(t, tell(&out, rows, &options{ref: "v1", tolerance: 0.05}), "1 rows got worse")
	require.Contains(t, out.String(), "1.200")
	require.NoError(t, tell(&out, rows, &options{ref: "v1", tolerance: 0.3}))
}

// A server that fails now and did not before is worse than a slower one.
func TestTellFailsWhenAServerFails(t *testing.T) {
	good := report.Round{OK: true, Result: load.Result{Ops: 1000, Server: measure.Usage{CPU: time.Millisecond}}}
	row := scenario.Row{Scenario: "echo", Name: "x", Metric: scenario.CPUPerOp}
	fine := report.Entry{Rounds: []report.Round{good, good}}
	once := report.Entry{Rounds: []report.Round{{}, good}, Failed: []string{"bytes differ"}}
	ever := report.Entry{Rounds: []report.Round{{}, {}}, Failed: []string{"bytes differ", "bytes differ"}}
	none := report.Entry{Skipped: "echo is not there"}
	tests := map[string]struct {
		now, old report.Entry
		why      string
	}{
		"neither":         {fine, fine, ""},
		"one round":       {once, fine, "bytes differ"},
		"all rounds":      {ever, fine, "bytes differ"},
		"before, too":     {once, once, ""},
		"before":          {fine, once, ""},
		"not there":       {none, fine, "is not there"},
		"never was there": {none, none, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.now.Peer, tt.old.Peer = "headrace", "headrace"+oldSuffix
			rows := []report.Row{{Row: row, Entries: []report.Entry{tt.now, tt.old}}}
			var out strings.Builder
			err := tell(&out, rows, &options{ref: "v1", tolerance: 0.05})
			if tt.why == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "1 rows got worse")
			require.Contains(t, out.String(), tt.why)
		})
	}
}

func TestPairsAreOursFromBothFolders(t *testing.T) {
	peers := pairs("headrace", "/new", "/old")
	require.Len(t, peers, 2)
	require.Equal(t, "/new/echo", peers[0].Commands[scenario.ServeEcho].Args[0])
	require.Equal(t, "headrace"+oldSuffix, peers[1].Name)
	require.Equal(t, "/old/echo", peers[1].Commands[scenario.ServeEcho].Args[0])
}
