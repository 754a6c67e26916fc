// Package scenario is the benchmark as data: what is measured, against whom, and how each server is
// started. Nothing here runs anything.
package scenario

import (
	"fmt"
	"slices"
	"time"

	"github.com/headrace/headrace/bench/load"
)

// Servers: what a peer can be asked to serve.
const (
	ServeEcho = "echo"
)

// Row is one line of the report: one kind of traffic, against every peer that can serve it.
type Row struct {
	Scenario string    `json:"scenario"` // the chapter: echo, pipeline, …
	Name     string    `json:"name"`     // within the chapter
	Serve    string    `json:"serve"`    // what the peers are asked to serve
	Spec     load.Spec `json:"spec"`
	Loops    int       `json:"loops"`
	Peers    []string  `json:"peers,omitempty"` // only these
}

// Key names the row in full.
func (r Row) Key() string { return r.Scenario + "/" + r.Name }

// Rows are all of them.
func Rows() []Row {
	var rows []Row
	for _, size := range []int{64, 1 << 10, 16 << 10, 256 << 10} {
		for _, conns := range []int{1, 8, 100, 1000, 10000} {
			rows = append(rows, Row{
				Scenario: "echo", Name: fmt.Sprintf("%s × %d", bytesText(size), conns), Serve: ServeEcho,
				Spec: load.Spec{Kind: load.Echo, Size: size, Conns: conns, Depth: 1},
			})
		}
	}
	return rows
}

// Defaults of a run.
const (
	Rounds   = 3
	Duration = time.Second
	Warmup   = 300 * time.Millisecond
)

func bytesText(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

// Wants tells whether p is measured in the row.
func (r Row) Wants(p Peer) bool {
	if _, serves := p.Commands[r.Serve]; !serves {
		return false
	}
	return len(r.Peers) == 0 || slices.Contains(r.Peers, p.Name)
}
