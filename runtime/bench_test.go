package runtime_test

import (
	"context"
	"io"
	"net"
	goruntime "runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
)

// BenchmarkEcho is one round of 64 bytes on one connection, client included: what
// it allocates is the runtime's, since package net allocates nothing there.
func BenchmarkEcho(b *testing.B) {
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(b, err)
	defer rt.Close()
	ln, err := rt.Listen(context.Background(), "tcp", "127.0.0.1:0", acceptEcho)
	require.NoError(b, err)
	benchmarkRounds(b, ln.Addr())
	total := rt.Stats().Total()
	b.ReportMetric(float64(total.Engine.Enters)/float64(b.N), "enters/op")
}

func benchmarkRounds(b *testing.B, addr net.Addr) {
	c, err := net.Dial("tcp", addr.String())
	require.NoError(b, err)
	defer c.Close()
	buf := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			b.Fatal(err)
		}
	}
}

// TestNoAllocationPerRequest: in the steady state a request allocates nothing.
func TestNoAllocationPerRequest(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	if rt.Backend() == runtime.Portable {
		t.Skip("skip: a goroutine per call allocates")
	}
	if raceEnabled {
		t.Skip("skip: the race detector allocates")
	}
	for name, accept := range map[string]runtime.AcceptFunc{"handler": acceptEcho, "fiber": fiber.Serve(fiberEcho)} {
		t.Run(name, func(t *testing.T) { noAllocation(t, dial(t, listen(t, rt, "tcp", accept))) })
	}
}

func fiberEcho(c *fiber.Conn) error {
	for {
		in, err := c.ReadChain()
		if err == nil {
			err = c.Send(in)
		}
		if err != nil {
			return err
		}
	}
}

func noAllocation(t *testing.T, c net.Conn) {
	buf := make([]byte, 64)
	round := func() {
		_, _ = c.Write(buf)
		_, _ = io.ReadFull(c, buf)
	}
	const warm, rounds = 200, 10_000
	for range warm {
		round()
	}
	// Not testing.AllocsPerRun, which rounds down: one allocation in every second
	// round would be none.
	before := mallocs()
	for range rounds {
		round()
	}
	require.Less(t, mallocs()-before, uint64(rounds/100))
}

// mallocs is how many objects this process has allocated so far.
func mallocs() uint64 {
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	return m.Mallocs
}
