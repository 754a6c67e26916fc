package runtime_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// relayed is a relay between a connection of the test's and one to an upstream
// of the test's: a net.Conn at each end.
type relayed struct {
	rt      *runtime.Runtime
	client  net.Conn // side A
	server  net.Conn // side B
	results chan *runtime.RelayResult
}

// newRelay connects client and server by a relay. before, if not nil, has client
// to itself until the relay begins.
func newRelay(t *testing.T, cfg *runtime.Config, idle time.Duration, before func(client net.Conn)) *relayed {
	t.Helper()
	return relayOn(t, newRuntime(t, cfg), idle, before)
}

func relayOn(t *testing.T, rt *runtime.Runtime, idle time.Duration, before func(client net.Conn)) *relayed {
	t.Helper()
	up, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { up.Close() })
	r := &relayed{rt: rt, results: make(chan *runtime.RelayResult, 1)}
	first, begun := make(chan *runtime.Conn, 1), make(chan struct{})
	addr := listen(t, r.rt, "tcp", func(c *runtime.Conn) runtime.Handler {
		first <- c
		return &funcs{eof: func(*runtime.Conn) {}}
	})
	r.client = dial(t, addr)
	a := receive(t, first)
	if before != nil {
		before(r.client)
	}
	require.NoError(t, a.Loop().Post(func() {
		a.Loop().Dial(context.Background(), "tcp", up.Addr().String(),
			func(b *runtime.Conn, err error) runtime.Handler {
				if err != nil {
					return nil
				}
				return &funcs{open: func(b *runtime.Conn) {
					runtime.Relay(a, b, idle, func(res *runtime.RelayResult) { r.results <- res })
					close(begun)
				}}
			})
	}))
	r.server, err = up.Accept()
	require.NoError(t, err)
	require.NoError(t, r.server.SetDeadline(time.Now().Add(watchdog)))
	t.Cleanup(func() { r.server.Close() })
	receive(t, begun)
	return r
}

// pingPong sends n bytes there, and others back.
func (r *relayed) pingPong(t *testing.T, n int) {
	t.Helper()
	got := make([]byte, n)
	for _, way := range [][2]net.Conn{{r.client, r.server}, {r.server, r.client}} {
		sent := randomBytes(n)
		_, err := way[0].Write(sent)
		require.NoError(t, err)
		_, err = io.ReadFull(way[1], got)
		require.NoError(t, err)
		require.True(t, bytes.Equal(sent, got))
	}
}

// reset closes a connection so that its peer gets a reset.
func reset(t *testing.T, c net.Conn) {
	t.Helper()
	require.NoError(t, c.(*net.TCPConn).SetLinger(0))
	require.NoError(t, c.Close())
}

func TestRelayBothWays(t *testing.T) {
	for _, size := range []int{0, 1, 100, 64<<10 + 1, 8 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			r := newRelay(t, nil, 0, nil)
			there, back := randomBytes(size), randomBytes(size)
			var got [2][]byte
			var wg sync.WaitGroup
			for i, c := range []net.Conn{r.client, r.server} {
				wg.Go(func() {
					_, _ = c.Write([][]byte{there, back}[i])
					_ = c.(*net.TCPConn).CloseWrite()
				})
				wg.Go(func() { got[i], _ = io.ReadAll(c) })
			}
			wg.Wait()
			require.True(t, bytes.Equal(back, got[0]))
			require.True(t, bytes.Equal(there, got[1]))
			res := receive(t, r.results)
			require.NoError(t, res.Err())
			require.EqualValues(t, size, res.AToB)
			require.EqualValues(t, size, res.BToA)
		})
	}
}

// TestRelayHalfClose: the end of one side's data is passed on at once, and the
// other direction goes on afterwards.
func TestRelayHalfClose(t *testing.T) {
	for _, swap := range []bool{false, true} {
		r := newRelay(t, nil, 0, nil)
		from, to := r.client, r.server
		if swap {
			from, to = to, from
		}
		_, err := from.Write([]byte("request"))
		require.NoError(t, err)
		closeWrite(t, from)
		got, err := io.ReadAll(to)
		require.NoError(t, err)
		require.Equal(t, "request", string(got))
		_, err = to.Write([]byte("response"))
		require.NoError(t, err)
		closeWrite(t, to)
		got, err = io.ReadAll(from)
		require.NoError(t, err)
		require.Equal(t, "response", string(got))
		require.NoError(t, receive(t, r.results).Err())
	}
}

// TestRelayReset: one side fails, at each stage; the other gets what came before
// and a reset, and the result tells which side it was.
func TestRelayReset(t *testing.T) {
	for _, stage := range []string{"before any byte", "between", "after its end", "after the other's end"} {
		for _, side := range []string{"A", "B"} {
			t.Run(stage+"/"+side, func(t *testing.T) {
				r := newRelay(t, nil, 0, nil)
				bad, good := r.client, r.server
				if side == "B" {
					bad, good = good, bad
				}
				resetAtStage(t, stage, bad, good)
				res := receive(t, r.results)
				failed, other := res.ErrA, res.ErrB
				if side == "B" {
					failed, other = other, failed
				}
				require.Error(t, failed)
				require.NotErrorIs(t, failed, runtime.ErrIdle)
				require.NoError(t, other)
			})
		}
	}
}

func resetAtStage(t *testing.T, stage string, bad, good net.Conn) {
	t.Helper()
	want := ""
	if stage != "before any byte" {
		want = "some"
		_, err := bad.Write([]byte(want))
		require.NoError(t, err)
		_, err = io.ReadFull(good, make([]byte, len(want)))
		require.NoError(t, err)
	}
	switch stage {
	case "after its end":
		closeWrite(t, bad)
		_, err := good.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
	case "after the other's end":
		closeWrite(t, good)
		_, err := bad.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
	}
	reset(t, bad)
	if stage == "after its end" {
		// Nothing tells the relay of a reset but a receive or a send.
		for {
			if _, err := good.Write([]byte("x")); err != nil {
				return
			}
			time.Sleep(tick)
		}
	}
	got, err := io.ReadAll(good)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.Empty(t, got)
}

// TestRelayResetWaits: the reset comes behind what was received before, however late
// the other side takes it.
func TestRelayResetWaits(t *testing.T) {
	for _, splice := range []int{-1, 1} {
		t.Run(fmt.Sprint(splice), func(t *testing.T) {
			r := newRelay(t, spliceFrom(splice), 0, nil)
			written := writeUntilStuck(r.client)
			reset(t, r.client)
			n := readSlowly(t, r.server)
			require.LessOrEqual(t, n, written)
			res := receive(t, r.results)
			require.Error(t, res.ErrA)
			require.NoError(t, res.ErrB)
			require.Equal(t, res.AToB, n, "all that the relay had received")
		})
	}
}

// TestRelayResetLosesPatience: a side that takes nothing is not waited for.
func TestRelayResetLosesPatience(t *testing.T) {
	const size = 400 << 10 // less than makes the relay stop reading
	cfg := spliceFrom(-1)
	cfg.LingerTimeout = 50 * time.Millisecond
	r := newRelay(t, cfg, 0, nil)
	require.NoError(t, r.server.(*net.TCPConn).SetReadBuffer(4<<10))
	_, err := r.client.Write(make([]byte, size))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return r.rt.Stats().Total().Engine.BytesIn >= size }, watchdog, tick)
	reset(t, r.client)
	res := receive(t, r.results)
	require.ErrorIs(t, res.ErrA, syscall.ECONNRESET)
	require.ErrorIs(t, res.ErrB, runtime.ErrSlowPeer)
}

// writeUntilStuck writes the pattern until nobody takes it, and returns how much was taken.
func writeUntilStuck(c net.Conn) (n int64) {
	src, buf := pattern(1<<30), make([]byte, 64<<10)
	for {
		k, _ := src.Read(buf)
		_ = c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		k, err := c.Write(buf[:k])
		if n += int64(k); err != nil {
			return n
		}
	}
}

// readSlowly reads the pattern up to a reset, with rests.
func readSlowly(t *testing.T, c net.Conn) (n int64) {
	t.Helper()
	want, buf := pattern(1<<30), make([]byte, 64<<10)
	expect := make([]byte, len(buf))
	for {
		k, err := c.Read(buf)
		_, _ = io.ReadFull(want, expect[:k])
		require.True(t, bytes.Equal(expect[:k], buf[:k]), n)
		if n += int64(k); err != nil {
			require.ErrorIs(t, err, syscall.ECONNRESET)
			return n
		}
		if n < 2<<20 {
			time.Sleep(tick)
		}
	}
}

func TestRelayIdle(t *testing.T) {
	const idle = 50 * time.Millisecond
	r := newRelay(t, nil, idle, nil)
	begun := time.Now()
	_, err := r.client.Write([]byte("x"))
	require.NoError(t, err)
	_, err = io.ReadFull(r.server, make([]byte, 1))
	require.NoError(t, err)
	res := receive(t, r.results)
	require.GreaterOrEqual(t, time.Since(begun), idle)
	require.ErrorIs(t, res.ErrA, runtime.ErrIdle)
	require.ErrorIs(t, res.ErrB, runtime.ErrIdle)
	require.EqualValues(t, 1, res.AToB)
}

// TestRelayBackpressure: a side that does not read stops the other's writes with
// little in memory, and gets everything once it reads.
func TestRelayBackpressure(t *testing.T) {
	const size = 64 << 20
	for _, swap := range []bool{false, true} {
		r := newRelay(t, &runtime.Config{Loops: 1}, 0, nil)
		from, to := r.client, r.server
		if swap {
			from, to = to, from
		}
		sum := make(chan []byte, 1)
		go func() {
			sum <- writePattern(from, size)
			_ = from.(*net.TCPConn).CloseWrite()
		}()
		require.Eventually(t, func() bool {
			s := r.rt.Stats().Total()
			return s.Paused > 0 || s.Paths.Splices > 0
		}, watchdog, tick)
		require.Less(t, mapped(r.rt), int64(memoryCap))
		got, n := hashAll(to)
		require.EqualValues(t, size, n)
		require.Equal(t, receive(t, sum), got)
		require.Less(t, mapped(r.rt), int64(memoryCap))
		closeWrite(t, to)
		require.NoError(t, receive(t, r.results).Err())
	}
}

// TestRelayServerAnswersFirst: what waits for a server that does not read does not
// stop its answer, for which it may be waiting.
func TestRelayServerAnswersFirst(t *testing.T) {
	const size = 32 << 20 // more than the system holds for anybody
	r := newRelay(t, &runtime.Config{Loops: 1}, 0, nil)
	sums := make(chan string, 1)
	go func() {
		writePattern(r.client, size)
		_ = r.client.(*net.TCPConn).CloseWrite()
	}()
	go func() {
		_, _ = io.ReadFull(r.server, make([]byte, 1))
		for s := r.rt.Stats().Total(); s.Paused == 0 && s.Paths.Splices == 0; s = r.rt.Stats().Total() {
			time.Sleep(tick)
		}
		writePattern(r.server, size)
		_ = r.server.(*net.TCPConn).CloseWrite()
		_, n := hashAll(r.server)
		sums <- fmt.Sprint(n)
	}()
	got, n := hashAll(r.client)
	require.EqualValues(t, size, n)
	require.Equal(t, hashPattern(size), got)
	require.Equal(t, fmt.Sprint(size-1), receive(t, sums))
	require.NoError(t, receive(t, r.results).Err())
}

// TestRelayOfWhatWasBefore: bytes, the end of the data, and the end of the
// connection that came before the relay count as if they came now.
func TestRelayOfWhatWasBefore(t *testing.T) {
	r := newRelay(t, nil, 0, func(c net.Conn) {
		_, err := c.Write([]byte("early"))
		require.NoError(t, err)
		closeWrite(t, c)
	})
	got, err := io.ReadAll(r.server)
	require.NoError(t, err)
	require.Equal(t, "early", string(got))
	closeWrite(t, r.server)
	require.NoError(t, receive(t, r.results).Err())
}

func TestRelayOfEndedConnection(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	results := make(chan *runtime.RelayResult, 1)
	var live *runtime.Conn
	ready := make(chan struct{})
	addr := listen(t, rt, "tcp", func(c *runtime.Conn) runtime.Handler {
		if live == nil {
			live = c
			close(ready)
			return &funcs{data: func(*runtime.Conn, *buffers.Chain) {}}
		}
		return &funcs{
			open: func(c *runtime.Conn) { c.Close() },
			closed: func(c *runtime.Conn, _ error) {
				require.NoError(t, c.Loop().Post(func() { // after Closed
					runtime.Relay(c, live, 0, func(res *runtime.RelayResult) { results <- res })
				}))
			},
		}
	})
	bystander := dial(t, addr)
	receive(t, ready)
	dial(t, addr)
	res := receive(t, results)
	require.ErrorIs(t, res.ErrA, net.ErrClosed)
	require.NoError(t, res.ErrB)
	_, err := io.ReadAll(bystander)
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

// TestShutdownWaitsForRelays: a relay ends with its peers, or with the patience of
// Shutdown.
func TestShutdownWaitsForRelays(t *testing.T) {
	r := newRelay(t, nil, 0, nil)
	down := make(chan error, 1)
	go func() { down <- r.rt.Shutdown(context.Background()) }()
	for i := range 20 {
		_, err := fmt.Fprintf(r.client, "%02d", i)
		require.NoError(t, err)
		buf := make([]byte, 2)
		_, err = io.ReadFull(r.server, buf)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("%02d", i), string(buf))
	}
	require.Empty(t, down)
	require.NoError(t, r.client.Close())
	require.NoError(t, r.server.Close())
	require.NoError(t, receive(t, down))
	require.NoError(t, receive(t, r.results).Err())

	r = newRelay(t, nil, 0, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, r.rt.Shutdown(ctx), context.DeadlineExceeded)
	require.ErrorIs(t, receive(t, r.results).ErrA, runtime.ErrClosed)
}
