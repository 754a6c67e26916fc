package scenario

import (
	"fmt"
	"slices"
	"time"

	"github.com/headrace/headrace/bench/load"
	"github.com/headrace/headrace/bench/peers"
)

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// Files are the sizes of the static files that the harness makes; FileName names them.
var Files = []int{4 * kib, 64 * kib, 1 * mib, 64 * mib}

// FileName is the path under which a static file of that size is served.
func FileName(size int) string { return fmt.Sprintf("/%d.bin", size) }

// Rows are all of them: the whole matrix.
func Rows() []Row {
	return slices.Concat(echo(), pipeline(), openLoop(), hello(), static(), https(), proxy(), upload(), churn(), udp(),
		slow(), idle(), loops())
}

func echo() []Row {
	var rows []Row
	for _, size := range []int{64, 1 * kib, 16 * kib, 256 * kib} {
		for _, conns := range []int{1, 8, 100, 1000, 10000} {
			row := Row{
				Scenario: "echo", Name: fmt.Sprintf("%s × %d", bytesText(size), conns),
				Serve: ServeEcho, Metric: CPUPerOp, Loops: 1, Wide: conns == 100,
				Spec: load.Spec{Kind: load.Echo, Size: size, Conns: conns, Depth: 1},
			}
			// Rows that no target is about, and whose neighbours tell as much.
			row.Narrow = conns == 8 || conns == 10000 && size > 64 || size == 256*kib && !row.Wide
			switch {
			case conns >= 1000 && size >= 256*kib:
				row.Metric = CPUPerGbit // not every connection has its turn: what came of its answer counts, too
				if conns == 10000 {
					row.Least = 2 * time.Second // servers take and give by turns, and each turn is long
				}
			case conns == 10000:
				row.Least = 1200 * time.Millisecond // so that every connection has its turn a few times
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// pipeline sends 32 messages at once and waits for all 32.
func pipeline() []Row {
	var rows []Row
	for _, size := range []int{64, 1 * kib} {
		rows = append(rows, Row{
			Scenario: "pipeline", Name: fmt.Sprintf("%s ×32 × 100", bytesText(size)),
			Serve: ServeEcho, Metric: CPUPerOp, Loops: 1, Wide: true,
			Spec: load.Spec{Kind: load.Echo, Size: size, Conns: 100, Depth: 32},
		})
	}
	return rows
}

// openLoop sends at a fixed rate that every peer can hold, and asks how long an answer takes.
func openLoop() []Row {
	var rows []Row
	for _, rate := range []float64{10_000, 30_000} {
		rows = append(rows, Row{
			Scenario: "latency", Name: fmt.Sprintf("64 B × 100, %.0f a second", rate),
			Serve: ServeEcho, Metric: Latency, Loops: 1, Wide: true, Least: 800 * time.Millisecond,
			Spec: load.Spec{Kind: load.Open, Size: 64, Conns: 100, Rate: rate},
		})
	}
	return rows
}

// hello is for one core, then for two, which the load generator shares where there are no more.
func hello() []Row {
	var rows []Row
	for _, cores := range []int{1, 2} {
		for _, conns := range []int{1, 8, 64, 256} {
			row := Row{
				Scenario: "hello", Name: fmt.Sprintf("HTTP × %d", conns),
				Serve: ServeHello, Metric: CPUPerOp, Loops: cores, Wide: true,
				Spec: load.Spec{Kind: load.Get, Size: len(peers.HelloBody), Conns: conns, Path: "/"},
			}
			if cores > 1 {
				row.Name += ", two cores"
				row.Spec.Threads = cores
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// large is what makes a row of few and long operations mean anything: few connections, by the gigabit.
func large(r Row) Row {
	if r.Spec.Size >= 16*mib {
		r.Metric, r.Least, r.Spec.Conns = CPUPerGbit, time.Second, 4
	}
	r.Name = fmt.Sprintf("%s × %d", bytesText(r.Spec.Size), r.Spec.Conns)
	return r
}

func static() []Row {
	var rows []Row
	for _, size := range Files {
		rows = append(rows, large(Row{
			Scenario: "static", Serve: ServeStatic, Metric: CPUPerOp, Loops: 1, Wide: true,
			Spec: load.Spec{Kind: load.Get, Size: size, Conns: 64, Path: FileName(size), Check: true},
		}))
	}
	return rows
}

// https asks for the same files over TLS 1.3, and for one of them with a handshake for each request.
func https() []Row {
	var rows []Row
	for _, size := range []int{4 * kib, 1 * mib} {
		rows = append(rows, Row{
			Scenario: "https", Name: fmt.Sprintf("%s × 64", bytesText(size)),
			Serve: ServeHTTPS, Metric: CPUPerOp, Loops: 1, Wide: true,
			Spec: load.Spec{Kind: load.TLSGet, Size: size, Conns: 64, Path: FileName(size), Check: true},
		})
	}
	return append(rows, Row{
		Scenario: "https", Name: "4 KiB, a handshake each × 16", Serve: ServeHTTPS, Metric: CPUPerOp, Loops: 1,
		Wide: true,
		Spec: load.Spec{Kind: load.TLSChurn, Size: 4 * kib, Conns: 16, Path: FileName(4 * kib), Check: true},
	})
}

// proxy has an echo behind it, and in its last row a file server.
func proxy() []Row {
	var rows []Row
	for _, size := range []int{64, 1 * kib, 16 * kib, 256 * kib} {
		rows = append(rows, large(Row{
			Scenario: "proxy", Serve: ServeProxy, Behind: ServeEcho, Metric: CPUPerOp, Loops: 1, Wide: true,
			Spec: load.Spec{Kind: load.Echo, Size: size, Conns: 100},
		}))
	}
	const bulk = 64 * mib
	return append(rows, large(Row{
		Scenario: "proxy", Serve: ServeProxy, Behind: ServeStatic, Loops: 1, Wide: true,
		Spec: load.Spec{Kind: load.Get, Size: bulk, Path: FileName(bulk), Check: true},
	}))
}

func upload() []Row {
	var rows []Row
	for _, size := range []int{64 * kib, 4 * mib, 1 * gib} {
		row := large(Row{
			Scenario: "upload", Serve: ServeUpload, Metric: CPUPerOp, Loops: 1, Wide: true,
			Spec: load.Spec{Kind: load.Put, Size: size, Conns: 8, Path: "/upload-"},
		})
		if size == gib {
			row.Least, row.Spec.Conns, row.Name = 5*time.Second, 1, "1 GiB × 1"
		}
		rows = append(rows, row)
	}
	return rows
}

// churn connects, asks once and closes.
func churn() []Row {
	return []Row{{
		Scenario: "churn", Name: "64 B × 100", Serve: ServeEcho, Metric: CPUPerOp, Loops: 1, Wide: true,
		Spec: load.Spec{Kind: load.Churn, Size: 64, Conns: 100},
	}}
}

// udp is a datagram each way.
func udp() []Row {
	var rows []Row
	for _, size := range []int{64, 1200} {
		rows = append(rows, Row{
			Scenario: "udp", Name: fmt.Sprintf("%s ×16 × 32", bytesText(size)), Serve: ServeUDP,
			Metric: CPUPerOp, Loops: 1, Wide: true,
			Spec: load.Spec{Kind: load.Dgram, Size: size, Conns: 32, Depth: 16},
		})
	}
	return rows
}

// slow downloads to peers with a line of 1 Mbit/s each.
func slow() []Row {
	const mbit = 1e6 / 8
	return []Row{{
		Scenario: "slow", Name: "500 peers at 1 Mbit/s", Serve: ServeStatic, Metric: CPUPerGbit, Loops: 1,
		Wide: true, Least: 3500 * time.Millisecond,
		Spec: load.Spec{Kind: load.Slow, Size: mib, Conns: 500, Path: FileName(mib), Rate: mbit, Check: true},
	}}
}

func idle() []Row {
	return []Row{{
		Scenario: "idle", Name: "10000 connections", Serve: ServeEcho, Metric: Memory, Loops: 1, Wide: true,
		Least: time.Second,
		Spec:  load.Spec{Kind: load.Idle, Size: 64, Conns: 10000},
	}, {
		Scenario: "idle", Name: "HTTP, 10000 connections", Serve: ServeHello, Metric: Memory, Loops: 1, Wide: true,
		Least: time.Second,
		Spec:  load.Spec{Kind: load.Idle, Size: len(peers.HelloBody), Conns: 10000, Path: "/"},
	}}
}

// loops asks what a second core brings. With fewer than four cores the load generator shares them,
// so only the comparison with other peers means anything there.
func loops() []Row {
	var rows []Row
	for _, n := range []int{1, 2} {
		rows = append(rows, Row{
			Scenario: "loops", Name: fmt.Sprintf("64 B × 100, cores: %d", n), Serve: ServeEcho, Metric: Throughput,
			Loops: n,
			Spec:  load.Spec{Kind: load.Echo, Size: 64, Conns: 100, Threads: n},
		})
	}
	return rows
}

func bytesText(n int) string {
	switch {
	case n >= gib && n%gib == 0:
		return fmt.Sprintf("%d GiB", n/gib)
	case n >= mib && n%mib == 0:
		return fmt.Sprintf("%d MiB", n/mib)
	case n >= kib && n%kib == 0:
		return fmt.Sprintf("%d KiB", n/kib)
	}
	return fmt.Sprintf("%d B", n)
}
