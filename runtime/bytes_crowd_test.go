package runtime_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"slices"
	"sync"
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
	crowdSize    = 256 << 10 // for each of the others
	crowdSlowest = 8e3       // bytes a second: 64 kbit/s
	crowdFastest = 10e6
	crowdStep    = 4 << 10  // read at a time
	quickSize    = 16 << 10 // for those whose latency is taken
	quickPeers   = 4
)

// TestCrowd: 2,000 clients at once, each at a rate of its own, from 64 kbit/s up. All
// get all their bytes, within the cap of memory, and those that read nothing are
// closed with ErrSlowPeer. What it does to the latency of quick clients is told, not
// judged: nothing here is decided by time.
func TestCrowd(t *testing.T) {
	if os.Getenv("HEADRACE_BIG") != "1" || testing.Short() {
		t.Skip("takes a minute: HEADRACE_BIG=1")
	}
	const limit = 128 << 20
	rt := newRuntime(t, &runtime.Config{
		Loops: 1, UnsentHigh: 16 << 10, WriteTimeout: 15 * time.Second, MaxMemory: limit,
	})
	f, small := patternFile(t, crowdSize), patternFile(t, quickSize)
	send := func(f *os.File) runtime.AcceptFunc {
		return func(*runtime.Conn) runtime.Handler {
			return &funcs{open: func(c *runtime.Conn) {
				_ = c.SendFile(f, 0, -1, nil)
				c.Close()
			}}
		}
	}
	files := listen(t, rt, "tcp", send(f))
	memory := listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler {
		return &source{from: pattern(crowdSize), buf: make([]byte, 4<<10)}
	})
	quick := listen(t, rt, "tcp", send(small))
	dead, ended := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
		var chain buffers.Chain
		chain.Append(buffers.Wrap(make([]byte, 32<<20), nil)) // more than the system holds
		_ = c.Send(chain)
	}})

	alone := latency(t, quick, time.After(3*time.Second))
	for range crowdStopped {
		dial(t, dead)
	}
	errs := make(chan error, crowdPeers)
	want := hashPattern(crowdSize)
	var wg sync.WaitGroup
	for i := range crowdPeers - crowdStopped {
		addr := []net.Addr{files, memory}[i%2]
		wg.Go(func() { errs <- readPaced(addr, i, want) })
	}
	all := make(chan time.Time)
	go func() { wg.Wait(); close(all) }()
	most := int64(0)
	among := latency(t, quick, all, func() { most = max(most, mapped(rt)) })
	for range crowdPeers - crowdStopped {
		require.NoError(t, <-errs)
	}
	for range crowdStopped {
		require.ErrorIs(t, receive(t, ended), runtime.ErrSlowPeer)
	}
	require.LessOrEqual(t, most, int64(limit))
	t.Logf("%s: median latency of %d quick clients: alone %v, in the crowd %v (%.2f); at most %.1f MiB of %d mapped",
		rt.Backend(), quickPeers, alone, among, among.Seconds()/alone.Seconds(), float64(most)/(1<<20), limit>>20)
}

// latency has quick clients connect and fetch, again and again until stop, and
// returns the median time that takes. between is called now and then.
func latency(t *testing.T, addr net.Addr, stop <-chan time.Time, between ...func()) time.Duration {
	t.Helper()
	want := hashPattern(quickSize)
	var mu sync.Mutex
	var took []time.Duration
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range quickPeers {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(5 * time.Millisecond): // a rate that is the same in both runs
				}
				begin := time.Now()
				err := fetch(addr, want)
				mu.Lock()
				if took = append(took, time.Since(begin)); err != nil {
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	for waiting := true; waiting; {
		select {
		case <-stop:
			waiting = false
		case <-time.After(100 * time.Millisecond):
			for _, f := range between {
				f()
			}
		}
	}
	close(done)
	wg.Wait()
	require.NotEmpty(t, took)
	slices.Sort(took)
	return took[len(took)/2]
}

func fetch(addr net.Addr, want []byte) error {
	c, err := net.Dial(addr.Network(), addr.String())
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

// readPaced is client i: the higher, the faster, by equal ratios.
func readPaced(addr net.Addr, i int, want []byte) error {
	rate := crowdSlowest * math.Pow(crowdFastest/crowdSlowest, float64(i)/(crowdPeers-crowdStopped-1))
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(watchdog)); err != nil {
		return err
	}
	if err := c.(*net.TCPConn).SetReadBuffer(16 << 10); err != nil {
		return err
	}
	sum, buf := sha256.New(), make([]byte, crowdStep)
	for n, begin := 0, time.Now(); ; {
		k, err := c.Read(buf)
		sum.Write(buf[:k])
		n += k
		if err == io.EOF && n == crowdSize && bytes.Equal(sum.Sum(nil), want) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("client %d, after %d bytes of %d: %w", i, n, crowdSize, err)
		}
		if i < crowdPeers-crowdStopped-quickPeers { // the last ones are not held back
			time.Sleep(time.Until(begin.Add(time.Duration(float64(n) / rate * float64(time.Second)))))
		}
	}
}
