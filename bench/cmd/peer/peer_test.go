//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/bench/harness"
	"github.com/headrace/headrace/bench/load"
	"github.com/headrace/headrace/bench/measure"
	"github.com/headrace/headrace/bench/peers"
	"github.com/headrace/headrace/bench/scenario"
)

// TestMain lets the test binary be the servers it tests.
func TestMain(m *testing.M) {
	if os.Getenv("PEER_CHILD") == "" {
		os.Exit(m.Run())
	}
	main()
}

// seat leaves the test every core: nothing is measured here.
func seat(t *testing.T) harness.Seat {
	t.Helper()
	cores, err := measure.Cores()
	require.NoError(t, err)
	return harness.Seat{Cores: cores}
}

func start(t *testing.T, peer, serve string, p harness.Params) *harness.Server {
	t.Helper()
	s, err := harness.Start(t.Context(), harness.Command{
		Args: []string{os.Args[0], "-peer", peer, "-scenario", serve, "-size", "{size}", "-loops", "1",
			"-root", "{root}", "-dir", "{dir}", "-to", "{to}"},
		Env: []string{"PEER_CHILD=1"},
	}, p, seat(t))
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Stop() }) // a library need not end well
	return s
}

func drive(t *testing.T, s *harness.Server, spec load.Spec) {
	t.Helper()
	spec.Addr = s.Addr
	spec.Duration, spec.Patience = 150*time.Millisecond, 30*time.Second
	r, err := load.Run(spec)
	require.NoError(t, err)
	require.Zero(t, r.Errors, r.Error)
	require.NoError(t, s.Crashed())
}

// Every library echoes every byte, in small messages, in large ones that no socket takes whole, and
// over connections that come and go.
func TestEchoPeers(t *testing.T) {
	for name, serves := range table {
		if serves["echo"] == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if name == "rio" {
				t.Skip("rio 1.1.0 resets connections and stalls for seconds at times, which the report shows")
			}
			s := start(t, name, "echo", harness.Params{Size: 64})
			drive(t, s, load.Spec{Kind: load.Echo, Size: 64, Conns: 8, Depth: 4})
			drive(t, s, load.Spec{Kind: load.Churn, Size: 64, Conns: 4})
			large := start(t, name, "echo", harness.Params{Size: 1 << 20})
			drive(t, large, load.Spec{Kind: load.Echo, Size: 1 << 20, Conns: 2})
		})
	}
}

func TestHTTPPeers(t *testing.T) {
	dir := t.TempDir()
	const size = 100 << 10
	require.NoError(t, load.WriteFile(filepath.Join(dir, "file"), size))
	p := harness.Params{Root: dir, Dir: dir}
	for _, name := range []string{"std", "fasthttp"} {
		t.Run(name+" hello", func(t *testing.T) {
			drive(t, start(t, name, "hello", p), load.Spec{Kind: load.Get, Size: len(peers.HelloBody), Conns: 4})
		})
	}
	t.Run("static", func(t *testing.T) {
		drive(t, start(t, "std", "static", p),
			load.Spec{Kind: load.Get, Size: size, Conns: 4, Path: "/file", Check: true})
	})
	t.Run("upload", func(t *testing.T) {
		drive(t, start(t, "std", "upload", p), load.Spec{Kind: load.Put, Size: size, Conns: 2, Path: "/up-"})
		require.NoError(t, load.CheckFile(filepath.Join(dir, "up-1"), size))
	})
	t.Run("proxy", func(t *testing.T) {
		behind := start(t, "std", "echo", harness.Params{})
		s := start(t, "std", "proxy", harness.Params{To: behind.Addr})
		drive(t, s, load.Spec{Kind: load.Echo, Size: 300 << 10, Conns: 4})
	})
}

// A server that is told to end says how much it allocated while it served.
func TestPeersCountAllocations(t *testing.T) {
	for _, name := range []string{"std", "gnet", "netpoll", "nbio", "evio"} {
		t.Run(name, func(t *testing.T) {
			s := start(t, name, "echo", harness.Params{Size: 64})
			const conns = 50
			drive(t, s, load.Spec{Kind: load.Echo, Size: 64, Conns: conns})
			_ = s.Stop()
			require.Greater(t, s.Served()["mallocs"], float64(conns), "a connection takes a few")
		})
	}
}

// What the scenarios ask this program for, it serves, and the other way round.
func TestTableAgreesWithTheScenarios(t *testing.T) {
	asked := map[string][]string{}
	for _, p := range scenario.Peers() {
		for serve, c := range p.Commands {
			if c.Args[0] == "{bin}/peer" {
				asked[p.Name] = append(asked[p.Name], serve)
			}
		}
	}
	for name, serves := range table {
		if serves == nil {
			continue // gaio, without cgo
		}
		require.Len(t, asked[name], len(serves), name)
		for _, serve := range asked[name] {
			require.NotNil(t, serves[serve], "%s %s", name, serve)
		}
	}
	require.Len(t, asked, len(table))
}
