// Package load makes traffic for the benchmark and says what came back: how many operations, how
// long each took, and what the generator itself spent, so that a run in which the generator was the
// limit can be told from one in which the server was.
//
// One worker is one locked thread with one epoll instance and raw non-blocking sockets. It makes no
// system call that is not needed and no allocation per operation.
package load

import (
	"slices"
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
	// Patience is how much longer the warm-up lasts until every connection has been answered once, and the run until
	// anything is; and then, how long what was asked is waited for after it. What is not answered even then is an
	// error; without patience nothing is waited for.
	Patience time.Duration `json:"patience_ns"`
	Group    int           `json:"group"`               // the server's process group, 0 to leave it unmeasured
	Cores    []int         `json:"cores,omitempty"`     // the server's, none to leave them unmeasured
	Own      []int         `json:"own_cores,omitempty"` // the generator's, and what stands behind a proxy
}

// Result is what one run measured, between the end of the warm-up and the end of the run.
type Result struct {
	Conns   int           `json:"conns"`
	Ops     int64         `json:"ops"`
	Total   int64         `json:"total"`          // operations with those before and after
	Bytes   int64         `json:"bytes"`          // of payload received
	Lost    int64         `json:"lost,omitempty"` // Dgram: datagrams that did not come back
	Errors  int64         `json:"errors"`
	Error   string        `json:"error,omitempty"` // the first one
	Elapsed time.Duration `json:"elapsed_ns"`

	Latency Latency `json:"latency"`

	Client        time.Duration `json:"client_cpu_ns"`
	ClientThreads int           `json:"client_threads,omitempty"`
	ClientBusy    time.Duration `json:"client_busy_ns,omitempty"` // the generator's cores, anything that ran there
	ServerBusy    time.Duration `json:"server_busy_ns"`           // the server's cores, likewise
	ServerCores   int           `json:"server_cores,omitempty"`
	// Shared is true when the generator ran on a core of the server's.
	Shared bool          `json:"shared,omitempty"`
	Server measure.Usage `json:"server"` // difference over the run
	Before measure.Usage `json:"before"` // the server before the connections; Idle: after one of its own
	// Threads is Server.CPU by the threads that lived at the end, the busiest first.
	Threads []measure.Thread `json:"threads,omitempty"`
	// What the server says itself at its end, for each operation, those of the warm-up too; nil if it says
	// nothing: how often it entered the kernel to submit or wait, and how many objects it allocated.
	Enters  *float64 `json:"enters_per_op,omitempty"`
	Mallocs *float64 `json:"mallocs_per_op,omitempty"`
	// Cold is true when the warm-up ended before every connection was answered once, Few when there were fewer than
	// three answers for each.
	Cold bool `json:"cold,omitempty"`
	Few  bool `json:"few,omitempty"`
	// Bound is true when the generator was the limit, see bound.
	Bound bool `json:"client_bound"`
}

// full is the part of a core's time from which on it counts as used up.
const full = 0.97

// bound tells whether the generator was the limit: its side was full and the server's was not, or, where
// both share the cores, it took more of them than the server.
func (r *Result) bound() bool {
	all := time.Duration(full * float64(r.Elapsed))
	busy := max(r.ServerBusy, r.Server.CPU) >= all*time.Duration(r.ServerCores)
	if r.Shared {
		return busy && r.Client > r.Server.CPU
	}
	threads := time.Duration(r.ClientThreads)
	return !busy && (r.Client >= all*threads || r.ClientBusy >= all*threads)
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

// few is how many answers for each connection are the fewest that say something about all of them.
const few = 3

// closed tells whether a connection waits for its answer before it asks again.
func (s *Spec) closed() bool {
	return slices.Contains([]string{Echo, Get, Put, Churn, TLSGet, TLSChurn}, s.Kind)
}

// shared tells whether the generator has a core of the server's.
func (s *Spec) shared() bool {
	return slices.ContainsFunc(s.Own, func(core int) bool { return slices.Contains(s.Cores, core) })
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
