// Package scenario is the benchmark as data: what is measured, against whom, and how each server is
// started. Nothing here runs anything.
package scenario

import (
	"slices"
	"time"

	"github.com/headrace/headrace/bench/load"
)

// Servers: what a peer can be asked to serve.
const (
	ServeEcho   = "echo"
	ServeHello  = "hello"  // HTTP, peers.HelloBody
	ServeStatic = "static" // HTTP, the files of {root}
	ServeHTTPS  = "https"  // the same over TLS, with {cert} and {key}
	ServeProxy  = "proxy"  // TCP to {to}
	ServeUDP    = "udp"    // datagrams
	ServeUpload = "upload" // HTTP PUT into {dir}
)

// Metrics that a row can be about. Every other number is in its table too.
const (
	CPUPerOp   = "cpu-op"   // server CPU for each operation
	CPUPerGbit = "cpu-gbit" // server CPU for each gigabit of payload
	Latency    = "p99"      // 99th percentile of it
	Memory     = "memory"   // resident bytes for each connection
	Throughput = "ops"      // operations a second

	// MedianLatency is for targets.
	MedianLatency = "p50"
)

// Row is one line of the report: one kind of traffic, against every peer that can serve it.
type Row struct {
	Scenario string    `json:"scenario"`         // the chapter: echo, pipeline, …
	Name     string    `json:"name"`             // within the chapter
	Serve    string    `json:"serve"`            // what the peers are asked to serve
	Behind   string    `json:"behind,omitempty"` // what stands behind a proxy: echo or static
	Metric   string    `json:"metric"`           // what the row is about
	Spec     load.Spec `json:"spec"`
	Loops    int       `json:"loops"` // event loops and cores of the server
	// Wide rows are for all peers, others for the fastest few: see Peer.Few.
	Wide bool `json:"wide,omitempty"`
	// Narrow rows complete the picture of one size: they are for the peers that Peer.Core names.
	Narrow bool `json:"narrow,omitempty"`
	// Least is the shortest run that means anything here, whatever the options say; the warm-up before
	// it is a sixth of it or more, and as long as it takes to answer every connection once.
	Least time.Duration `json:"least_ns,omitempty"`
}

// Key names the row in full.
func (r Row) Key() string { return r.Scenario + "/" + r.Name }

// Wants tells whether p is measured in the row. A peer that was asked for by name is measured
// wherever it can serve.
func (r Row) Wants(p Peer, named bool) bool {
	if _, serves := p.Commands[r.Serve]; !serves {
		return false
	}
	if r.Loops > 1 && p.OneLoop {
		return false
	}
	switch {
	case named, r.Wide:
		return true
	case r.Narrow:
		return p.Core
	}
	return !p.Few
}

// Defaults of a run over all rows; it takes about twenty minutes.
const (
	Rounds   = 3
	Duration = 450 * time.Millisecond
	Warmup   = 100 * time.Millisecond
)

// Measured is the warm-up and the length of one measurement in the row, for the wanted ones.
func (r Row) Measured(warmup, duration time.Duration) (time.Duration, time.Duration) {
	return max(warmup, r.Least/6), max(duration, r.Least)
}

// What passes through a server on one core in a second, in each direction: a usual one, and the least that a
// server is given the time for.
const (
	fast    = gib
	slowest = 150 * mib
)

// lap is how long it takes to answer every connection once, at so many bytes a second.
func (r Row) lap(rate int64) time.Duration {
	if r.Spec.Kind == load.Slow {
		return 0 // it is their line that takes long, and nobody waits for it
	}
	bytes := float64(r.Spec.Conns) * float64(r.Spec.Size) * float64(max(r.Spec.Depth, 1))
	return time.Duration(bytes / float64(rate) * float64(time.Second))
}

// Patience is for the answers that have to come before a run and after it.
func (r Row) Patience() time.Duration { return patience + r.lap(slowest) }

// patience with a server that answers nothing.
const patience = 5 * time.Second

// Length is about how long rounds of the rows take, where every peer is there and none fails.
func Length(rows []Row, peers []Peer, named bool, rounds int, warmup, duration time.Duration) time.Duration {
	const start, connect = 40 * time.Millisecond, 60 * time.Microsecond
	var sum time.Duration
	for _, r := range rows {
		w, d := r.Measured(warmup, duration)
		w = max(w, r.lap(fast))
		d += r.lap(fast) // the answers that are under way at the end
		for _, p := range peers {
			if r.Wants(p, named) {
				sum += start + time.Duration(r.Spec.Conns)*connect + w + d
			}
		}
	}
	return sum * time.Duration(rounds)
}

// Scenarios lists the chapters in order.
func Scenarios() []string {
	var names []string
	for _, r := range Rows() {
		if !slices.Contains(names, r.Scenario) {
			names = append(names, r.Scenario)
		}
	}
	return names
}
