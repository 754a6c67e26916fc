package main

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/headrace/headrace/runtime"
)

// collector shows a runtime's Stats to Prometheus: a snapshot for each scrape, and
// nothing in between. It may be used from any goroutine but a loop's.
type collector struct{ rt *runtime.Runtime }

// metric is one number of a loop.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(s *runtime.LoopStats) float64
}

func counter(name, help string, value func(s *runtime.LoopStats) float64) metric {
	return metric{describe(name+"_total", help), prometheus.CounterValue, value}
}

func gauge(name, help string, value func(s *runtime.LoopStats) float64) metric {
	return metric{describe(name, help), prometheus.GaugeValue, value}
}

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("headrace_"+name, help, []string{"loop", "backend"}, nil)
}

// metrics are those that tell how a server does. The others of runtime.LoopStats are
// added in the same way.
var metrics = []metric{
	gauge("connections", "Open connections.",
		func(s *runtime.LoopStats) float64 { return float64(s.Conns) }),
	gauge("timers", "Armed timers.",
		func(s *runtime.LoopStats) float64 { return float64(s.Timers) }),
	gauge("pipes", "Open pipes of relays, two descriptors each.",
		func(s *runtime.LoopStats) float64 { return float64(s.Pipes) }),
	gauge("chunks", "Views of pooled memory that are in use.",
		func(s *runtime.LoopStats) float64 { return float64(s.Pool.Chunks) }),
	gauge("pool_mapped_bytes", "Memory mapped for the pool.",
		func(s *runtime.LoopStats) float64 { return float64(s.Pool.Mapped) }),
	gauge("operations_in_flight", "Operations that the engine owns.",
		func(s *runtime.LoopStats) float64 { return float64(s.Engine.InFlight) }),
	counter("accepted", "Connections accepted.",
		func(s *runtime.LoopStats) float64 { return float64(s.Accepted) }),
	counter("dialed", "Connections made.",
		func(s *runtime.LoopStats) float64 { return float64(s.Dialed) }),
	counter("closed", "Connections that ended.",
		func(s *runtime.LoopStats) float64 { return float64(s.Closed) }),
	counter("failed", "Connections that ended with an error.",
		func(s *runtime.LoopStats) float64 { return float64(s.Failed) }),
	counter("panics", "Handlers that panicked.",
		func(s *runtime.LoopStats) float64 { return float64(s.Panics) }),
	counter("stalls", "Turns that held the loop longer than Config.StallThreshold.",
		func(s *runtime.LoopStats) float64 { return float64(s.Stalls) }),
	counter("accept_rests", "Times that accepting rested for lack of descriptors or memory.",
		func(s *runtime.LoopStats) float64 { return float64(s.AcceptRests) }),
	counter("received_bytes", "Bytes received.",
		func(s *runtime.LoopStats) float64 { return float64(s.Engine.BytesIn) }),
	counter("sent_bytes", "Bytes sent.",
		func(s *runtime.LoopStats) float64 { return float64(s.Engine.BytesOut) }),
	counter("enters", "System calls that submit or wait.",
		func(s *runtime.LoopStats) float64 { return float64(s.Engine.Enters) }),
	counter("completions", "Completions.",
		func(s *runtime.LoopStats) float64 { return float64(s.Engine.Completed) }),
	counter("no_buffers", "Receives that had to wait for buffers.",
		func(s *runtime.LoopStats) float64 { return float64(s.Engine.NoBuffers) }),
}

// Describe implements prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range metrics {
		ch <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	stats := c.rt.Stats()
	for i := range stats.Loops {
		s := &stats.Loops[i]
		for _, m := range metrics {
			ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(s), strconv.Itoa(s.Loop), stats.Backend)
		}
	}
}
