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
	Switches = Metric{Name: "context switches per operation", Unit: "",
		Of: func(r load.Result) float64 {
			return float64(r.Server.Voluntary+r.Server.Involuntary) / float64(r.Ops)
		}}
	ClientBusy = Metric{Name: "generator busy", Unit: "%",
		Of: func(r load.Result) float64 { return 100 * r.Client.Seconds() / r.Elapsed.Seconds() }}
	ServerBusy = Metric{Name: "server's core busy", Unit: "%",
		Of: func(r load.Result) float64 { return 100 * r.ServerBusy.Seconds() / r.Elapsed.Seconds() }}
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
	}
	return fmt.Sprintf("%.2f", v)
}
