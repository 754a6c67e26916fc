//go:build linux

package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/headrace/headrace/bench/harness"
	"github.com/headrace/headrace/bench/load"
	"github.com/headrace/headrace/bench/scenario"
)

// once is one round of one peer: a fresh server, a run, the end of the server.
func (s *Suite) once(ctx context.Context, row scenario.Row, p scenario.Peer) (load.Result, string, error) {
	var none load.Result
	cores := s.cores(row)
	// The hint is what can arrive at once: a pipeline's messages come together.
	params := harness.Params{Size: row.Spec.Size * max(row.Spec.Depth, 1), Loops: row.Loops, Root: s.Places.Files}
	var err error
	if params.Dir, err = os.MkdirTemp(s.Places.Scratch, "upload-*"); err != nil {
		return none, "", err
	}
	defer os.RemoveAll(params.Dir)
	var behind *harness.Server
	if row.Serve == scenario.ServeProxy {
		if behind, err = s.backend(ctx, row, cores); err != nil {
			return none, "", fmt.Errorf("%w: %v", errBehind, err) // it is not the peer that did not start
		}
		defer func() { _ = behind.Stop() }() // it was not what is measured
		params.To = behind.Addr
	}
	server, err := harness.Start(ctx, s.Places.command(p.Command(row)), params, cores.ForServer())
	if err != nil {
		return none, "", err
	}
	spec := row.Spec
	spec.Cores, spec.Own = cores.Server, cores.Client
	spec.Warmup, spec.Duration = row.Measured(s.Warmup, s.Duration)
	spec.Patience = row.Patience()
	r, err := harness.Load(ctx, s.Places.Bin+"/load", spec, server, cores.ForClient())
	_ = server.Stop() // measured; how it ends is the tests' business
	served := server.Served()
	r.Enters, r.Mallocs = each(served, "enters", r.Total), each(served, "mallocs", r.Total)
	if err == nil && r.Errors > 0 {
		err = fmt.Errorf("%d connections failed: %s", r.Errors, r.Error)
	}
	if err == nil && row.Serve == scenario.ServeUpload {
		err = load.CheckFile(filepath.Join(params.Dir, row.Spec.Path+"0"), row.Spec.Size)
	}
	if behind != nil && err != nil {
		if crash := behind.Crashed(); crash != nil {
			err = fmt.Errorf("%w: %v", errBehind, crash)
		}
	}
	return r, server.Backend, err
}

// errBehind reports a round that was lost to the server behind the proxy.
var errBehind = errors.New("the server behind the proxy")

// each is what the server counted, for each operation; nil where it or they were not counted.
func each(served map[string]float64, name string, ops int64) *float64 {
	n, ok := served[name]
	if !ok || ops == 0 {
		return nil
	}
	n /= float64(ops)
	return &n
}

// backend is what a proxy stands before: the cheapest server there is, on the generator's core.
func (s *Suite) backend(ctx context.Context, row scenario.Row, cores harness.Cores) (*harness.Server, error) {
	for _, name := range []string{"floor-epoll", "nginx", "std"} {
		for _, p := range scenario.Peers() {
			if p.Name != name || s.Places.missing(p, row.Behind) != "" {
				continue
			}
			return harness.Start(ctx, s.Places.command(p.Commands[row.Behind]),
				harness.Params{Size: row.Spec.Size, Loops: 1, Root: s.Places.Files, Dir: s.Places.Scratch},
				cores.ForClient())
		}
	}
	return nil, fmt.Errorf("no %s server to stand behind the proxy", row.Behind)
}

// cores gives the server as many cores as it has loops, from the front, and the generator the rest;
// where none is left they share the last ones.
func (s *Suite) cores(row scenario.Row) harness.Cores {
	n := min(max(row.Loops, 1), len(s.Cores))
	threads := max(row.Spec.Threads, 1)
	rest := s.Cores[n:]
	if len(rest) > threads {
		rest = rest[:threads]
	}
	if len(rest) == 0 {
		rest = s.Cores[len(s.Cores)-n:]
	}
	return harness.Cores{Server: s.Cores[:n], Client: rest, Nice: s.Nice, Net: s.Net}
}
