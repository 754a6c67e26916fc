package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/headrace/headrace/runtime"
)

// TestMetrics: what was echoed is seen on /metrics.
func TestMetrics(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	addrs := make(chan net.Addr, 2)
	go func() {
		ended <- run(ctx, "127.0.0.1:0", "127.0.0.1:0", func(echo, metrics net.Addr) { addrs <- echo; addrs <- metrics })
	}()
	var echo, metrics net.Addr
	select {
	case echo = <-addrs:
		metrics = <-addrs
	case err := <-ended:
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", echo.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get("http://" + metrics.String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	families := map[string]float64{}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	sum(t, string(text), families)
	for name, want := range map[string]float64{
		"headrace_connections": 1, "headrace_accepted_total": 1, "headrace_sent_bytes_total": 5,
		"headrace_received_bytes_total": 5, "headrace_panics_total": 0,
	} {
		if got, ok := families[name]; !ok || got != want {
			t.Errorf("%s is %v and not %v", name, got, want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// TestArguments: a word that belongs to no flag is a mistake.
func TestArguments(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "metrics.exe") // as all systems run it
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a watchdog
	defer cancel()
	out, err := exec.CommandContext(ctx, binary, "-addr", "127.0.0.1:0", "folder", "-metrics", "x").CombinedOutput()
	const want = "metrics: unexpected argument \"folder\"\n"
	if err == nil || ctx.Err() != nil || string(out) != want {
		t.Fatalf("it said %q: %v", out, err)
	}
}

// TestCollectorIsWellFormed: names, help and types are as Prometheus wants them.
func TestCollectorIsWellFormed(t *testing.T) {
	rt, err := runtime.New(&runtime.Config{Loops: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Close()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collector{rt})
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	if n, err := testutil.GatherAndCount(registry); err != nil || n != 2*len(metrics) {
		t.Fatal(n, err)
	}
}
