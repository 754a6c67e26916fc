//go:build linux

package runtime_test

import (
	"bytes"
	"fmt"
	"math"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// The crowd of TestCrowd.
const (
	crowdPeers   = 2000
	crowdStopped = 20        // of these, read nothing
	crowdSmall   = 256 << 10 // for each of the others, or
	crowdLarge   = 2 << 20   // for those that are fast enough
	crowdSlowest = 8e3       // bytes a second: 64 kbit/s
	crowdFastest = 10e6
	crowdStep    = 4 << 10  // read at a time
	crowdUnsent  = 16 << 10 // UnsentHigh
	quickSize    = 16 << 10 // for those whose latency is taken
	quickPeers   = 4
)

var crowdSizes = [2]int64{crowdSmall, crowdLarge}

// TestCrowd: 2,000 clients at once, each at a rate of its own, from 64 kbit/s up. All
// get all their bytes, in memory that their number bounds, those that read nothing
// are closed with ErrSlowPeer, and quick clients are served as quickly as by a server
// without the crowd, or nearly: in one of some tries, since others use the machine too.
//
// The clients are a process, and the server without the crowd is another, at the same
// time: two thousand clients on the machine of their server cost everybody's latency
// something, which is not what they cost the server.
func TestCrowd(t *testing.T) {
	if isChild(t) {
		tell("ready")
		obey(func(order string) { tell("%s", crowdChild(t, strings.Fields(order))) })
		return
	}
	if os.Getenv("HEADRACE_BIG") != "1" || testing.Short() {
		t.Skip("takes a minute or some: make bytes")
	}
	const tries, most = 3, 1.5
	ratio := math.Inf(1)
	for try := 0; try < tries && ratio > most; try++ {
		ratio = min(ratio, crowd(t))
	}
	require.LessOrEqual(t, ratio, most, "latency of quick clients")
}

// crowd lets it come once and returns how much slower quick clients are for it.
func crowd(t *testing.T) float64 {
	rt := newRuntime(t, &runtime.Config{Loops: 1, UnsentHigh: crowdUnsent, WriteTimeout: 15 * time.Second})
	quick := serveQuick(t, rt)
	dead, ended := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
		var chain buffers.Chain
		chain.Append(buffers.Wrap(make([]byte, 32<<20), nil)) // more than the system holds
		_ = c.Send(chain)
	}})
	var paused atomic.Int64
	var slow []string
	for _, size := range crowdSizes {
		for _, kind := range slowHandlers(t, size, &paused) {
			slow = append(slow, listen(t, rt, "tcp", kind).String())
		}
	}
	other, clients := newChild(t), newChild(t)
	require.Equal(t, "ready", other.start())
	require.Equal(t, "ready", clients.start())
	for range crowdStopped {
		dial(t, dead)
	}
	most := watchMapped(t, rt)
	order := append([]string{"come", quick, other.ask("serve")}, slow...)
	said := clients.ask(strings.Join(order, " "))
	require.Less(t, most(), int64(crowdPeers/2*(crowdUnsent+32<<10)+memoryCap))
	clients.end()
	other.end()
	for range crowdStopped {
		require.ErrorIs(t, receive(t, ended), runtime.ErrSlowPeer)
	}
	wasSlow(t, rt, crowdPeers, &paused)

	var among, without float64 // µs
	_, err := fmt.Sscan(said, &among, &without)
	require.NoError(t, err, said)
	t.Logf("%s: median latency of %d quick clients: %.0f µs in the crowd, %.0f µs at a server without it (%.2f); "+
		"at most %.1f MiB mapped", rt.Backend(), quickPeers, among, without, among/without, float64(most())/(1<<20))
	return among / without
}

// serveQuick serves a small file.
func serveQuick(t *testing.T, rt *runtime.Runtime) (addr string) {
	small := patternFile(t, quickSize)
	return listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler {
		return &funcs{open: func(c *runtime.Conn) {
			_ = c.SendFile(small, 0, -1, nil)
			c.Close()
		}}
	}).String()
}

// watchMapped watches how much memory is mapped, until it is asked for the most.
func watchMapped(t *testing.T, rt *runtime.Runtime) (most func() int64) {
	var peak atomic.Int64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				peak.Store(max(peak.Load(), mapped(rt)))
			}
		}
	}()
	end := sync.OnceFunc(func() { close(stop); <-done })
	t.Cleanup(end)
	return func() int64 { end(); return peak.Load() }
}

// crowdChild does what a child is told to. It answers with an address, with latencies, or
// with an error.
func crowdChild(t *testing.T, order []string) string {
	if order[0] == "serve" {
		return serveQuick(t, newRuntime(t, &runtime.Config{Loops: 1}))
	}
	quick, slow := order[1:3], order[3:] // slow: two for each size
	stop := make(chan struct{})
	got := make(chan string, 1)
	go func() { got <- latency(quick, stop) }()
	errs := make(chan error, crowdPeers)
	hashes := [2][]byte{hashPattern(crowdSmall), hashPattern(crowdLarge)}
	for i := range crowdPeers - crowdStopped {
		kind := 0
		if crowdRate(i) > crowdSlowest*crowdLarge/crowdSmall {
			kind = 1 // in no more time than the slowest take
		}
		go func() { errs <- readPaced(slow[2*kind+i%2], i, crowdSizes[kind], hashes[kind]) }()
	}
	var failed error
	for range crowdPeers - crowdStopped {
		if err := <-errs; err != nil {
			failed = err
		}
	}
	close(stop)
	medians := <-got
	if failed != nil {
		return failed.Error()
	}
	return medians
}

// latency has quick clients connect and fetch from one server and the other, again and
// again until stop, and returns the median times in microseconds that takes, or an error.
func latency(addrs []string, stop chan struct{}) string {
	want := hashPattern(quickSize)
	took := make([][]float64, len(addrs))
	var mu sync.Mutex
	var failed error
	var wg sync.WaitGroup
	for range quickPeers {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond): // a rate that does not depend on it
				}
				begin := time.Now()
				err := fetch(addrs[i%len(addrs)], want)
				µs := float64(time.Since(begin)) / 1e3
				mu.Lock()
				if took[i%len(addrs)] = append(took[i%len(addrs)], µs); err != nil {
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if failed != nil {
		return failed.Error()
	}
	var medians []string
	for i, t := range took {
		if len(t) == 0 {
			return "nothing was fetched from " + addrs[i]
		}
		slices.Sort(t)
		medians = append(medians, fmt.Sprint(t[len(t)/2]))
	}
	return strings.Join(medians, " ")
}

func fetch(addr string, want []byte) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(watchdog)); err != nil {
		return err
	}
	if sum, n := hashAll(c); n != quickSize || !bytes.Equal(sum, want) {
		return fmt.Errorf("%d bytes of %d, or other ones", n, quickSize)
	}
	return nil
}

// crowdRate is the rate of client i: the higher, the faster, by equal ratios.
func crowdRate(i int) float64 {
	return crowdSlowest * math.Pow(crowdFastest/crowdSlowest, float64(i)/(crowdPeers-crowdStopped-1))
}

// readPaced is client i.
func readPaced(addr string, i int, size int64, want []byte) error {
	begin, rate := time.Now(), crowdRate(i)
	return readInSteps(addr, crowdStep, size, want, func(n int64) {
		if i < crowdPeers-crowdStopped-quickPeers { // the last ones are not held back
			time.Sleep(time.Until(begin.Add(time.Duration(float64(n) / rate * float64(time.Second)))))
		}
	})
}
