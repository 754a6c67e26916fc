// Package load makes traffic for the benchmark and says what came back: how many operations, how
// long each took, and what the generator itself spent, so that a run in which the generator was the
// limit can be told from one in which the server was.
//
// One worker is one locked thread with one epoll instance and raw non-blocking sockets. It makes no
// system call that is not needed and no allocation per operation.
package load

import (
	"time"

	"github.com/headrace/headrace/bench/measure"
)

// Kinds of traffic.
const (
	Echo     = "echo"      // closed loop: send Depth messages of Size bytes, wait for all, again
	Open     = "open"      // open loop: Rate messages a second, whatever the server does
	Get      = "get"       // HTTP/1.1 GET of Path, Size bytes long, over kept connections
	Put      = "put"       // HTTP/1.1 PUT of Size bytes to Path, over kept connections
	Dgram    = "dgram"     // UDP: Depth datagrams of Size bytes in flight on each of Conns sockets
	Churn    = "churn"     // connect, one message of Size bytes, close
	TLSGet   = "tls-get"   // Get over TLS
	TLSChurn = "tls-churn" // the same, with a connection and a full handshake for each
	Slow     = "slow"      // HTTP GET of Path, read at Rate bytes a second for each connection
	Idle     = "idle"      // connections that say one message, or GET Path if it is set, and then nothing
)

// Spec says what traffic to make.
type Spec struct {
	Kind     string        `json:"kind"`
	Addr     string        `json:"addr"`
	Conns    int           `json:"conns"`
	Size     int           `json:"size"`
	Depth    int           `json:"depth"` // messages in flight for each connection
	Path     string        `json:"path,omitempty"`
	Check    bool          `json:"check,omitempty"` // Get, Slow: the body is the pattern of WriteFile
	Rate     float64       `json:"rate,omitempty"`  // Open: messages a second in all; Slow: bytes a second each
	Threads  int           `json:"threads"`
	Warmup   time.Duration `json:"warmup_ns"`
	Duration time.Duration `json:"duration_ns"`
	// Patience is how much longer a run lasts when nothing was answered by its end, until something is.
	Patience time.Duration `json:"patience_ns"`
	Group    int           `json:"group"` // the server's process group, 0 to leave it unmeasured
	Core     int           `json:"core"`  // the core the server is pinned to, -1 for none
}

// Result is what one run measured, between the end of the warm-up and the end of the run.
type Result struct {
	Conns   int           `json:"conns"`
	Ops     int64         `json:"ops"`
	Total   int64         `json:"total"`          // operations with those of the warm-up
	Bytes   int64         `json:"bytes"`          // of payload received
	Lost    int64         `json:"lost,omitempty"` // Dgram: datagrams that did not come back
	Errors  int64         `json:"errors"`
	Error   string        `json:"error,omitempty"` // the first one
	Elapsed time.Duration `json:"elapsed_ns"`

	Latency Latency `json:"latency"`

	Client     time.Duration `json:"client_cpu_ns"`
	ServerBusy time.Duration `json:"server_busy_ns"` // the server's core, anything that ran there
	Server     measure.Usage `json:"server"`         // difference over the run
	Before     measure.Usage `json:"before"`         // the server before the first connection
	// Enters is how often the server entered the kernel to submit or wait, for each operation, if the
	// server says so itself.
	Enters float64 `json:"enters_per_op,omitempty"`
	// Bound is true when the generator's threads were at least 97 % busy and the server's core was
	// not: the server could have done more.
	Bound bool `json:"client_bound"`
}

// Latency is a summary of one run's histogram. Open-loop latency counts from the moment a message
// was due, not from when it was sent; Late is the 99th percentile of how late the sends were.
type Latency struct {
	Count int64         `json:"count"`
	P50   time.Duration `json:"p50_ns"`
	P90   time.Duration `json:"p90_ns"`
	P99   time.Duration `json:"p99_ns"`
	P999  time.Duration `json:"p999_ns"`
	Max   time.Duration `json:"max_ns"`
	Late  time.Duration `json:"late_p99_ns"`
}

// PerOp is the server's CPU time for each operation.
func (r Result) PerOp() time.Duration {
	if r.Ops == 0 {
		return 0
	}
	return r.Server.CPU / time.Duration(r.Ops)
}

// Throughput is operations a second.
func (r Result) Throughput() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Ops) / r.Elapsed.Seconds()
}

func (s Spec) withDefaults() Spec {
	s.Conns = max(s.Conns, 1)
	s.Depth = max(s.Depth, 1)
	s.Threads = min(max(s.Threads, 1), s.Conns)
	if s.Size <= 0 {
		s.Size = 64
	}
	if s.Duration <= 0 {
		s.Duration = time.Second
	}
	if s.Path == "" && s.Kind != Idle {
		s.Path = "/"
	}
	return s
}
