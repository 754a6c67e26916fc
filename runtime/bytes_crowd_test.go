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
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
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

// smallQueue is what the kernel may hold for each slow peer: what does not fit is the
// runtime's to bear.
const smallQueue = 16 << 10

// TestCrowd: 2,000 clients at once, each at a rate of its own, from 64 kbit/s up. All
// get all their bytes, in memory that their number bounds, those that read nothing
// are closed with ErrSlowPeer, and quick clients are served as quickly as without
// the crowd, or nearly: in one of some tries, since others use the machine too.
func TestCrowd(t *testing.T) {
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

// crowd lets it come once, and returns how much slower quick clients are among it.
func crowd(t *testing.T) float64 {
	rt := newRuntime(t, &runtime.Config{Loops: 1, UnsentHigh: crowdUnsent, WriteTimeout: 15 * time.Second})
	small := patternFile(t, quickSize)
	quick := listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler {
		return &funcs{open: func(c *runtime.Conn) {
			_ = c.SendFile(small, 0, -1, nil)
			c.Close()
		}}
	})
	dead, ended := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
		var chain buffers.Chain
		chain.Append(buffers.Wrap(make([]byte, 32<<20), nil)) // more than the system holds
		_ = c.Send(chain)
	}})
	var paused atomic.Int64
	addrs := map[int64][]net.Addr{}
	for _, size := range []int64{crowdSmall, crowdLarge} {
		for _, kind := range slowHandlers(t, size, &paused) {
			addrs[size] = append(addrs[size], listen(t, rt, "tcp", kind))
		}
	}
	want := map[int64][]byte{crowdSmall: hashPattern(crowdSmall), crowdLarge: hashPattern(crowdLarge)}

	alone := latency(t, quick, time.After(3*time.Second))
	for range crowdStopped {
		dial(t, dead)
	}
	errs := make(chan error, crowdPeers)
	var wg sync.WaitGroup
	for i := range crowdPeers - crowdStopped {
		size := int64(crowdSmall)
		if crowdRate(i) > crowdSlowest*crowdLarge/crowdSmall {
			size = crowdLarge // in no more time than the slowest take
		}
		wg.Go(func() { errs <- readPaced(addrs[size][i%2], i, size, want[size]) })
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
	wasSlow(t, rt, crowdPeers, &paused)
	require.Less(t, most, int64(crowdPeers/2*(crowdUnsent+32<<10)+memoryCap))
	ratio := among.Seconds() / alone.Seconds()
	t.Logf("%s: median latency of %d quick clients: alone %v, in the crowd %v (%.2f); at most %.1f MiB mapped",
		rt.Backend(), quickPeers, alone, among, ratio, float64(most)/(1<<20))
	return ratio
}

// slowHandlers serve size bytes to slow peers, from memory and from a file. They count
// how often a source had to wait.
func slowHandlers(t *testing.T, size int64, paused *atomic.Int64) map[string]runtime.AcceptFunc {
	f := patternFile(t, size)
	return map[string]runtime.AcceptFunc{
		"memory": func(c *runtime.Conn) runtime.Handler {
			_ = c.SetOption(driver.WriteBuffer, smallQueue)
			return &pausedSource{source{from: pattern(size), buf: make([]byte, 4<<10)}, paused}
		},
		"file": func(c *runtime.Conn) runtime.Handler {
			_ = c.SetOption(driver.WriteBuffer, smallQueue)
			return &funcs{open: func(c *runtime.Conn) {
				_ = c.SendFile(f, 0, -1, nil)
				c.Close()
			}}
		},
	}
}

// pausedSource is a source that counts how often it had to wait.
type pausedSource struct {
	source
	paused *atomic.Int64
}

func (s *pausedSource) Drained(c *runtime.Conn) {
	s.paused.Add(1)
	s.source.Drained(c)
}

// wasSlow checks that the peers of a test were what it is about: sources waited, and
// for each peer some sends were cut short by a socket that was full, where the engine can
// see that.
func wasSlow(t *testing.T, rt *runtime.Runtime, peers int, paused *atomic.Int64) {
	t.Helper()
	require.Greater(t, paused.Load(), int64(peers/2))
	if rt.Backend() != runtime.Portable {
		require.Greater(t, rt.Stats().Total().Engine.ShortSends, uint64(2*peers))
	}
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

// crowdRate is the rate of client i: the higher, the faster, by equal ratios.
func crowdRate(i int) float64 {
	return crowdSlowest * math.Pow(crowdFastest/crowdSlowest, float64(i)/(crowdPeers-crowdStopped-1))
}

// readPaced is client i.
func readPaced(addr net.Addr, i int, size int64, want []byte) error {
	begin, rate := time.Now(), crowdRate(i)
	return readInSteps(addr, crowdStep, size, want, func(n int64) {
		if i < crowdPeers-crowdStopped-quickPeers { // the last ones are not held back
			time.Sleep(time.Until(begin.Add(time.Duration(float64(n) / rate * float64(time.Second)))))
		}
	})
}

// readInSteps reads size bytes through a small window, with a pause after each step.
func readInSteps(addr net.Addr, step int, size int64, want []byte, pause func(n int64)) error {
	d := net.Dialer{Control: smallSegments}
	c, err := d.Dial("tcp", addr.String())
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(2 * watchdog)); err != nil {
		return err
	}
	if err := c.(*net.TCPConn).SetReadBuffer(smallQueue); err != nil {
		return err
	}
	sum, buf := sha256.New(), make([]byte, step)
	for n := int64(0); ; pause(n) {
		k, err := c.Read(buf)
		sum.Write(buf[:k])
		n += int64(k)
		if err == io.EOF && n == size && bytes.Equal(sum.Sum(nil), want) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after %d bytes of %d, or other ones: %w", n, size, err)
		}
	}
}
