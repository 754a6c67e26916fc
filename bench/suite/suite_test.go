//go:build linux

package suite

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/bench/harness"
	"github.com/headrace/headrace/bench/load"
	"github.com/headrace/headrace/bench/measure"
	"github.com/headrace/headrace/bench/report"
	"github.com/headrace/headrace/bench/scenario"
)

// TestMain builds the programs once.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "suite-test-*")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		build := exec.Command("go", "build", "-o", dir+"/", "./cmd/peer", "./cmd/load")
		build.Dir = ".."
		if out, err := build.CombinedOutput(); err != nil {
			panic(string(out))
		}
		programs = dir
		return m.Run()
	}())
}

var programs string

func places(t *testing.T) Places {
	t.Helper()
	p := Places{Bin: programs, Floor: "/nowhere", Examples: "/nowhere"}
	require.NoError(t, p.MakeFiles())
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(p.Scratch)) })
	return p
}

func peer(t *testing.T, name string) scenario.Peer {
	t.Helper()
	for _, p := range scenario.Peers() {
		if p.Name == name {
			return p
		}
	}
	require.Fail(t, "no such peer", name)
	return scenario.Peer{}
}

func echoRow() scenario.Row {
	return scenario.Row{Scenario: "echo", Name: "test", Serve: scenario.ServeEcho,
		Metric: scenario.CPUPerOp, Loops: 1, Wide: true, Spec: load.Spec{Kind: load.Echo, Size: 64, Conns: 4}}
}

func TestRunOutlivesPeersThatFail(t *testing.T) {
	cores, err := measure.Cores()
	require.NoError(t, err)
	serve := func(args ...string) scenario.Peer {
		return scenario.Peer{Name: args[0], Commands: map[string]harness.Command{scenario.ServeEcho: {Args: args}}}
	}
	crashing := serve("/bin/sh", "-c", "echo listening addr=127.0.0.1:1; exec sleep 0.05")
	var progress bytes.Buffer
	saved := 0
	proxy := scenario.Row{Scenario: "proxy", Name: "test", Serve: scenario.ServeProxy, Behind: scenario.ServeEcho, Loops: 1, Wide: true,
		Spec: load.Spec{Kind: load.Echo, Size: 64, Conns: 2}}
	s := &Suite{Rows: []scenario.Row{echoRow(), proxy}, Rounds: 3, Duration: 250 * time.Millisecond,
		Cores: cores,
		Peers: []scenario.Peer{
			peer(t, "std"), serve("/bin/false"), crashing, peer(t, "floor-epoll"), peer(t, "gnet"),
		},
		Places: places(t), Progress: &progress,
		Save: func(rows []report.Row, finished bool) error {
			saved++
			require.Len(t, rows, saved)
			require.Equal(t, saved == 2, finished)
			return nil
		}}
	rows, err := s.Run(t.Context())
	require.NoError(t, err)
	require.Len(t, rows, 2)
	echo := rows[0]
	require.Len(t, echo.Entries, 5)
	for _, name := range []string{"std", "gnet"} {
		e := echo.Entry(name)
		require.Empty(t, e.Failed, name)
		require.Len(t, report.Good(e.Values(report.CPUPerOp)), 3)
		require.Positive(t, e.Values(report.CPUPerOp)[0])
		require.NotEmpty(t, e.Backend)
		r := e.Rounds[0]
		require.NotNil(t, r.Mallocs)
		require.Nil(t, r.Enters, "they do not say")
		require.NotEmpty(t, r.Threads)
		require.Equal(t, len(cores) == 1, r.Shared)
	}
	require.Len(t, echo.Entry("/bin/false").Failed, 1, "what does not start is not tried again")
	require.Len(t, echo.Entry("/bin/false").Rounds, 3)
	require.NotEmpty(t, echo.Entry("/bin/sh").Failed)
	require.Contains(t, echo.Entry("floor-epoll").Skipped, "not there")
	require.Len(t, rows[1].Entries, 2, "of std and the floor, which are proxies")
	require.Empty(t, rows[1].Entry("std").Failed)
	require.Contains(t, rows[1].Entry("floor-epoll").Skipped, "not there")
	require.Contains(t, progress.String(), "[2/2] proxy test")
}

// Rounds are interleaved, each in an order of its own.
func TestRoundsTakeTurns(t *testing.T) {
	cores, err := measure.Cores()
	require.NoError(t, err)
	var progress bytes.Buffer
	peers := []scenario.Peer{peer(t, "std"), peer(t, "gnet")}
	s := &Suite{Rows: []scenario.Row{echoRow()}, Rounds: 2, Duration: 100 * time.Millisecond, Cores: cores,
		Peers: peers, Places: places(t), Progress: &progress,
		Save: func([]report.Row, bool) error { return nil }}
	_, err = s.Run(t.Context())
	require.NoError(t, err)
	var order []string
	for _, line := range strings.Split(progress.String(), "\n")[1:] {
		if f := strings.Fields(line); len(f) > 1 {
			order = append(order, f[0])
		}
	}
	var want []string
	for round := range 2 {
		for _, i := range s.order(echoRow(), round, 2) {
			want = append(want, peers[i].Name)
		}
	}
	require.Equal(t, want, order)
}

func TestOrder(t *testing.T) {
	const n, rounds = 6, 40
	s, row := &Suite{}, echoRow()
	before := map[[2]int]bool{} // who ran right before whom
	for round := range rounds {
		order := s.order(row, round, n)
		require.ElementsMatch(t, []int{0, 1, 2, 3, 4, 5}, order)
		require.Equal(t, order, s.order(row, round, n), "runs repeat")
		for k := 1; k < n; k++ {
			before[[2]int{order[k-1], order[k]}] = true
		}
	}
	require.Len(t, before, n*(n-1), "everybody has followed everybody")

	s.Pairs = true
	for round := range rounds {
		order := s.order(row, round, n)
		require.ElementsMatch(t, []int{0, 1, 2, 3, 4, 5}, order)
		for k := 0; k < n; k += 2 {
			require.Equal(t, order[k]/2, order[k+1]/2, "a pair is apart")
			require.Equal(t, round%2, order[k]%2, "they take turns")
		}
	}
}

func runRow(t *testing.T, s *Suite, row scenario.Row, rounds int) report.Row {
	t.Helper()
	cores, err := measure.Cores()
	require.NoError(t, err)
	s.Rows, s.Rounds, s.Cores, s.Duration = []scenario.Row{row}, rounds, cores, 50*time.Millisecond
	s.Progress, s.Save = io.Discard, func([]report.Row, bool) error { return nil }
	rows, err := s.Run(t.Context())
	require.NoError(t, err)
	require.Len(t, rows, 1)
	return rows[0]
}

// A proxy is not given up because the server behind it does not start, and the line says whose fault it was.
func TestServerBehindTheProxyIsToldApart(t *testing.T) {
	p := places(t)
	p.Bin = t.TempDir()
	require.NoError(t, os.Symlink("/bin/false", p.Bin+"/peer"))
	proxy := scenario.Row{Serve: scenario.ServeProxy, Behind: scenario.ServeEcho, Loops: 1, Wide: true,
		Spec: load.Spec{Kind: load.Echo, Size: 64, Conns: 2}}
	e := runRow(t, &Suite{Peers: []scenario.Peer{peer(t, "std")}, Places: p}, proxy, 3).Entries[0]
	require.Len(t, e.Failed, 3)
	require.Contains(t, e.Why(), "failed: the server behind the proxy: ")
}

// A server that answers and stores nothing has not taken the upload.
func TestUploadsAreCompared(t *testing.T) {
	row := scenario.Row{Serve: scenario.ServeUpload, Loops: 1, Wide: true,
		Spec: load.Spec{Kind: load.Put, Size: 100 << 10, Conns: 2, Path: "/upload-"}}
	std := peer(t, "std")
	ignores := scenario.Peer{Name: "ignores", Commands: map[string]harness.Command{
		scenario.ServeUpload: std.Commands[scenario.ServeHello]}}
	done := runRow(t, &Suite{Peers: []scenario.Peer{std, ignores}, Places: places(t)}, row, 1)
	require.Empty(t, done.Entries[0].Failed)
	require.Len(t, done.Entries[1].Failed, 1)
	require.Contains(t, done.Entries[1].Failed[0], "upload-0")
}

func TestCancelEndsTheRunAndKeepsWhatThereIs(t *testing.T) {
	cores, err := measure.Cores()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	finished := true
	s := &Suite{Rows: []scenario.Row{echoRow(), echoRow()}, Rounds: 100,
		Duration: 200 * time.Millisecond, Cores: cores,
		Peers: []scenario.Peer{peer(t, "std")}, Places: places(t), Progress: writerFunc(func(b []byte) {
			if strings.Contains(string(b), "2/100") {
				cancel()
			}
		}),
		Save: func(_ []report.Row, f bool) error { finished = f; return nil }}
	rows, err := s.Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, finished)
	require.Len(t, rows, 1)
	require.Len(t, rows[0].Entries[0].Rounds, 2)
	require.Empty(t, rows[0].Entries[0].Failed)
}

type writerFunc func([]byte)

func (f writerFunc) Write(b []byte) (int, error) {
	f(b)
	return len(b), nil
}

func TestCoresAreSharedOnlyWhenThereAreTooFew(t *testing.T) {
	tests := map[string]struct {
		cores          []int
		loops, threads int
		server, client []int
	}{
		"two":               {[]int{0, 1}, 1, 1, []int{0}, []int{1}},
		"one":               {[]int{3}, 1, 1, []int{3}, []int{3}},
		"two loops on two":  {[]int{0, 1}, 2, 2, []int{0, 1}, []int{0, 1}},
		"two loops on four": {[]int{0, 1, 2, 3}, 2, 2, []int{0, 1}, []int{2, 3}},
		"many":              {[]int{0, 1, 2, 3}, 1, 1, []int{0}, []int{1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := &Suite{Cores: tt.cores}
			row := echoRow()
			row.Loops, row.Spec.Threads = tt.loops, tt.threads
			got := s.cores(row)
			require.Equal(t, tt.server, got.Server)
			require.Equal(t, tt.client, got.Client)
		})
	}
}
