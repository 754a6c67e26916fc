// Package report is what a run leaves behind: the JSON with every round, and from it the table and
// the page with plots.
package report

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/headrace/headrace/bench/load"
	"github.com/headrace/headrace/bench/scenario"
)

// Report is one run of the benchmark.
type Report struct {
	Made     time.Time     `json:"made"`
	Took     time.Duration `json:"took_ns"`
	Machine  Machine       `json:"machine"`
	Options  Options       `json:"options"`
	Peers    []Peer        `json:"peers"`
	Rows     []Row         `json:"rows"`
	Finished bool          `json:"finished"` // false when the run was cut short
}

// Machine is where it ran.
type Machine struct {
	CPU     string `json:"cpu"`
	Cores   int    `json:"cores"`
	Used    []int  `json:"used_cores"` // servers take from the front, the generator from the back
	Memory  int64  `json:"memory_bytes"`
	Kernel  string `json:"kernel"`
	TCP     string `json:"tcp,omitempty"` // its congestion control
	OS      string `json:"os"`
	Virtual string `json:"virtual,omitempty"`
	Go      string `json:"go"`
	Commit  string `json:"commit"`
}

// Options are the settings that the numbers depend on.
type Options struct {
	Rounds   int           `json:"rounds"`
	Duration time.Duration `json:"duration_ns"`
	Warmup   time.Duration `json:"warmup_ns"`
	Baseline string        `json:"baseline"`
	// Several is true of a report whose parts had different ones: these are the first's.
	Several bool `json:"several,omitempty"`
}

// Peer is a server that was measured or could not be.
type Peer struct {
	Name    string `json:"name"`
	About   string `json:"about"`
	Ours    bool   `json:"ours,omitempty"`
	Go      bool   `json:"go,omitempty"` // a Go library that ours are measured against
	Version string `json:"version,omitempty"`
}

// Row is one scenario's results, entries in the order of the peers.
type Row struct {
	scenario.Row
	Entries []Entry `json:"entries"`
}

// Entry is one peer in one row. A peer that was skipped, or failed in a round, says why.
type Entry struct {
	Peer    string   `json:"peer"`
	Backend string   `json:"backend,omitempty"`
	Skipped string   `json:"skipped,omitempty"`
	Rounds  []Round  `json:"rounds,omitempty"`
	Failed  []string `json:"failed,omitempty"` // one line for each round that failed
}

// Round is one measurement; OK is false for one that failed.
type Round struct {
	OK bool `json:"ok"`
	load.Result
}

// Values returns metric for every round, NaN for one that failed, so that rounds of different peers
// stay aligned.
func (e *Entry) Values(metric Metric) []float64 {
	out := make([]float64, len(e.Rounds))
	for i, r := range e.Rounds {
		out[i] = math.NaN()
		if r.OK {
			out[i] = metric.Of(r.Result)
		}
	}
	return out
}

// Good returns the values without the failed rounds.
func Good(values []float64) []float64 {
	var out []float64
	for _, v := range values {
		if !math.IsNaN(v) {
			out = append(out, v)
		}
	}
	return out
}

// Sound returns an error when a server that must work did not: one of ours, std, or the floor. A
// foreign library that fails is a line in the report and nothing more.
func (r *Report) Sound() error {
	var errs []error
	for _, row := range r.Rows {
		for i := range row.Entries {
			e := &row.Entries[i]
			if must := r.class(e.Peer) != "peer" || e.Peer == "std"; must && len(e.Failed) > 0 {
				errs = append(errs, fmt.Errorf("%s: %s: %s", row.Key(), e.Peer, e.Failed[0]))
			}
		}
	}
	return errors.Join(errs...)
}
