package report

import (
	"fmt"
	"math"
	"time"

	"github.com/headrace/headrace/bench/load"
	"github.com/headrace/headrace/bench/scenario"
)

// Metric is one number of a round.
type Metric struct {
	Name string
	Unit string
	Of   func(load.Result) float64
	// More is true where more is better.
	More bool
}

// The metrics of the report.
var (
	CPUPerOp = Metric{Name: "server CPU per operation", Unit: "µs/op",
		Of: func(r load.Result) float64 { return r.Server.CPU.Seconds() * 1e6 / float64(r.Ops) }}
	CPUPerGbit = Metric{Name: "server CPU per gigabit of payload", Unit: "ms/Gbit",
		Of: func(r load.Result) float64 { return r.Server.CPU.Seconds() * 1e3 / (float64(r.Bytes) * 8 / 1e9) }}
	Throughput = Metric{Name: "operations", Unit: "op/s, more is better", More: true, Of: load.Result.Throughput}
	Median     = Metric{Name: "median latency", Unit: "µs",
		Of: func(r load.Result) float64 { return latency(r, r.Latency.P50) }}
	P99 = Metric{Name: "99th percentile of latency", Unit: "µs",
		Of: func(r load.Result) float64 { return latency(r, r.Latency.P99) }}
	Late = Metric{Name: "99th percentile of how late messages were sent", Unit: "µs",
		Of: func(r load.Result) float64 {
			if r.Latency.Late == 0 {
				return math.NaN() // no open loop
			}
			return float64(r.Latency.Late) / 1e3
		}}
	Mallocs   = Metric{Name: "allocations per operation", Of: func(r load.Result) float64 { return said(r.Mallocs) }}
	Enters    = Metric{Name: "enters per operation", Of: func(r load.Result) float64 { return said(r.Enters) }}
	Voluntary = Metric{Name: "voluntary context switches per operation",
		Of: func(r load.Result) float64 { return perOp(r, float64(r.Server.Voluntary)) }}
	Involuntary = Metric{Name: "involuntary context switches per operation",
		Of: func(r load.Result) float64 { return perOp(r, float64(r.Server.Involuntary)) }}
	LoopShare = Metric{Name: "CPU time of the busiest threads", Unit: "%",
		Of: func(r load.Result) float64 {
			return share(r, func(n int, kernel bool) bool { return !kernel && n < r.ServerCores })
		}}
	WorkerShare = Metric{Name: "CPU time of the kernel's workers", Unit: "%",
		Of: func(r load.Result) float64 { return some(share(r, func(_ int, kernel bool) bool { return kernel })) }}
	ClientBusy = Metric{Name: "generator busy", Unit: "%",
		Of: func(r load.Result) float64 { return busy(r, r.Client, r.ClientThreads) }}
	ServerBusy = Metric{Name: "server's cores busy", Unit: "%",
		Of: func(r load.Result) float64 { return busy(r, r.ServerBusy, r.ServerCores) }}
	Resident = Metric{Name: "resident memory", Unit: "MiB",
		Of: func(r load.Result) float64 { return float64(r.Server.RSS) / (1 << 20) }}
	Memory = Metric{Name: "resident memory per connection", Unit: "KiB/conn",
		Of: func(r load.Result) float64 {
			return float64(r.Server.RSS-r.Before.RSS) / float64(r.Conns) / (1 << 10)
		}}
)

// latency is q in microseconds, not a number where no operation ended.
func latency(r load.Result, q time.Duration) float64 {
	if r.Latency.Count == 0 {
		return math.NaN()
	}
	return float64(q) / 1e3
}

// said is a number of the server's own, which it need not have.
func said(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

// some leaves out nothing, which most servers have of this.
func some(v float64) float64 {
	if v == 0 {
		return math.NaN()
	}
	return v
}

func perOp(r load.Result, n float64) float64 {
	if r.Ops == 0 {
		return math.NaN()
	}
	return n / float64(r.Ops)
}

// busy is a part of the run's time on n cores, in percent.
func busy(r load.Result, d time.Duration, n int) float64 {
	return 100 * d.Seconds() / (r.Elapsed.Seconds() * float64(max(n, 1)))
}

// share is the part, in percent, of the threads' CPU time that is of threads which take chooses: by how
// many of the program's own were busier, and by whether it is a thread of the kernel's.
func share(r load.Result, take func(busier int, kernel bool) bool) float64 {
	var all, taken time.Duration
	busier := 0
	for _, t := range r.Threads {
		all += t.CPU
		if take(busier, t.Kernel()) {
			taken += t.CPU
		}
		if !t.Kernel() {
			busier++
		}
	}
	if all == 0 {
		return math.NaN()
	}
	return 100 * taken.Seconds() / all.Seconds()
}

// MetricOf finds the metric that a row is about, by its name in package scenario.
func MetricOf(name string) Metric {
	switch name {
	case scenario.CPUPerGbit:
		return CPUPerGbit
	case scenario.Latency:
		return P99
	case scenario.MedianLatency:
		return Median
	case scenario.Memory:
		return Memory
	case scenario.Throughput:
		return Throughput
	}
	return CPUPerOp
}

// Text writes a value with three digits that matter.
func Text(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v >= 100000:
		return fmt.Sprintf("%.0fk", v/1000)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	case v == 0:
		return "0"
	}
	return fmt.Sprintf("%.3f", v)
}
