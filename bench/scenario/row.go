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
	// Least is the shortest run that means anything here, whatever the options say; the warm-up before
	// it is a third of it or more.
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
	return named || r.Wide || !p.Few
}

// Defaults of a run over all rows; it takes about twenty minutes.
const (
	Rounds   = 3
	Duration = 500 * time.Millisecond
	Warmup   = 150 * time.Millisecond
)

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
