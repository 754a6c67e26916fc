//go:build linux

package load

import (
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/bench/measure"
)

// bad serves the first few connections with wrong, the others as an echo of 64 bytes, or as HTTP.
func bad(t *testing.T, few int64, right, wrong func(net.Conn)) string {
	var count atomic.Int64
	return serve(t, func(c net.Conn) {
		if count.Add(1) <= few {
			wrong(c)
		} else {
			right(c)
		}
	})
}

// answering reads questions and has the n-th answered by answer.
func answering(answer func(c net.Conn, n int, question []byte) error) func(net.Conn) {
	return func(c net.Conn) {
		b := make([]byte, 4096)
		for n := 0; ; n++ {
			k, err := c.Read(b)
			if err != nil || answer(c, n, b[:k]) != nil {
				return
			}
		}
	}
}

func all(c net.Conn, _ int, b []byte) error {
	_, err := c.Write(b)
	return err
}

const page = "HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n"

func paged(c net.Conn, _ int, _ []byte) error {
	_, err := c.Write([]byte(page + strings.Repeat("x", 64)))
	return err
}

// from makes a server drop the last byte of answer n and all that come after.
func from(n int, whole func([]byte) []byte) func(net.Conn) {
	return answering(func(c net.Conn, k int, b []byte) error {
		b = whole(b)
		switch {
		case k == n:
			b = b[:len(b)-1]
		case k > n:
			return nil
		}
		_, err := c.Write(b)
		return err
	})
}

// ending makes a server send a part of its first answer, and its end in the same segment.
func ending(whole func([]byte) []byte, part int) func(net.Conn) {
	return answering(func(c net.Conn, _ int, b []byte) error {
		raw, err := c.(*net.TCPConn).SyscallConn()
		if err != nil {
			return err
		}
		err = raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, 1) })
		if err != nil {
			return err
		}
		if _, err := c.Write(whole(b)[:part]); err != nil {
			return err
		}
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, c) // a reset would be seen in any case
		return err
	})
}

// A server that loses bytes, or ends in the middle of an answer, on a few of its connections has failed.
func TestFewSilentConnectionsAreErrors(t *testing.T) {
	echo := func(b []byte) []byte { return b }
	file := func([]byte) []byte { return []byte(page + strings.Repeat("x", 64)) }
	tests := map[string]struct {
		kind  string
		few   int64
		right func(net.Conn, int, []byte) error
		wrong func(net.Conn)
		want  error
	}{
		"echo, a byte dropped":             {Echo, 3, all, from(1, echo), ErrSilent},
		"echo, never answered":             {Echo, 1, all, from(-1, echo), ErrSilent},
		"echo, half an answer and the end": {Echo, 1, all, ending(echo, 32), io.ErrUnexpectedEOF},
		"echo, an answer and the end":      {Echo, 1, all, ending(echo, 64), io.ErrUnexpectedEOF},
		"http, a byte dropped":             {Get, 3, paged, from(1, file), ErrSilent},
		"http, half a page and the end":    {Get, 1, paged, ending(file, len(page)+32), io.ErrUnexpectedEOF},
		"http, a page and the end":         {Get, 1, paged, ending(file, len(page)+64), io.ErrUnexpectedEOF},
		"open, a byte dropped":             {Open, 3, all, from(1, echo), ErrSilent},
		"open, half an answer and the end": {Open, 1, all, ending(echo, 32), io.ErrUnexpectedEOF},
		"slow, a page and no other":        {Slow, 2, paged, from(0, file), ErrSilent},
		"churn, never answered":            {Churn, 2, all, from(-1, echo), ErrSilent},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			spec := short(tt.kind, bad(t, tt.few, answering(tt.right), tt.wrong))
			spec.Patience, spec.Rate = 300*time.Millisecond, 2000
			if tt.kind == Slow {
				spec.Rate = 1e6 // what came is read at once
			}
			r, err := Run(spec)
			require.NoError(t, err)
			require.GreaterOrEqual(t, r.Errors, tt.few)
			require.Contains(t, r.Error, tt.want.Error())
		})
	}
}

func TestIdleNeedsEveryAnswer(t *testing.T) {
	right, wrong := answering(all), from(0, func(b []byte) []byte { return b })
	for _, patience := range []time.Duration{0, 300 * time.Millisecond} {
		var count atomic.Int64
		spec := short(Idle, serve(t, func(c net.Conn) {
			if count.Add(1) == 3 {
				wrong(c)
			} else {
				right(c)
			}
		}))
		spec.Patience = patience
		r, err := Run(spec)
		if patience == 0 {
			require.ErrorIs(t, err, ErrNoAnswer)
			continue
		}
		require.NoError(t, err)
		require.Positive(t, r.Errors)
		require.Contains(t, r.Error, ErrSilent.Error())
	}
}

// A run is not too short for a server that needs longer for a lap: it is warmed up when all have an answer, and
// what it has not answered by the end is waited for.
func TestWarmUpAndEndWaitForEveryConnection(t *testing.T) {
	lap := answering(func(c net.Conn, n int, b []byte) error {
		time.Sleep(60 * time.Millisecond)
		return all(c, n, b)
	})
	spec := short(Echo, serve(t, lap))
	spec.Warmup, spec.Duration = 0, 10*time.Millisecond
	r, err := Run(spec)
	require.NoError(t, err)
	require.Zero(t, r.Errors, r.Error)
	require.False(t, r.Cold)
	require.True(t, r.Few)
	require.GreaterOrEqual(t, r.Total-r.Ops, int64(2*spec.Conns), "an answer each before, and one after")
}

func TestWarmUpThatEndsTooSoonIsMarked(t *testing.T) {
	spec := short(Echo, bad(t, 1, answering(all), from(-1, func(b []byte) []byte { return b })))
	spec.Patience = 100 * time.Millisecond
	r, err := Run(spec)
	require.NoError(t, err)
	require.True(t, r.Cold)
}

// While the counters are read nothing is sent, and the open loop's schedule has the same pause.
func TestSnapshotIsNoLatency(t *testing.T) {
	const walk = 30 * time.Millisecond
	spec := Spec{Kind: Open, Conns: 1, Group: 1, Duration: time.Second}
	o := &openProto{start: 1}
	w := &worker{spec: &spec, proto: o, published: &counters{}, conns: make([]conn, 1)}
	k := &clock{spec: &spec, workers: []*worker{w}, counts: make([]counters, 1),
		usage: func(int) (u measure.Usage, err error) { time.Sleep(walk); return u, nil }}
	w.clock = k
	require.True(t, k.tick(w))
	require.True(t, w.measuring)
	require.GreaterOrEqual(t, o.start, 1+int64(walk))
	require.Equal(t, k.since, k.begin.at, "the run begins after it")
}

func TestMemoryIsBounded(t *testing.T) {
	var limit atomic.Int64
	_, err := Run(short(Echo, serve(t, func(c net.Conn) {
		limit.Store(debug.SetMemoryLimit(-1))
		copyBack(c)
	})))
	require.NoError(t, err)
	require.EqualValues(t, memoryLimit, limit.Load())
}

// A datagram that comes twice is an error, for it would be an operation that nobody did.
func TestDatagramsThatComeTwice(t *testing.T) {
	// How often the first, second and third are sent: of the last, fewer come back than were sent.
	for _, copies := range [][]int{{1, 1, 1}, {2, 2, 2}, {0, 0, 2}} {
		t.Run(fmt.Sprint(copies), func(t *testing.T) {
			pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
			require.NoError(t, err)
			done := make(chan struct{})
			go func() {
				defer close(done)
				b := make([]byte, 2048)
				for i := 0; ; i++ {
					n, from, err := pc.ReadFrom(b)
					if err != nil {
						return
					}
					for range copies[i%3] {
						if _, err := pc.WriteTo(b[:n], from); err != nil && err != syscall.ECONNREFUSED {
							return
						}
					}
				}
			}()
			spec := short(Dgram, pc.LocalAddr().String())
			spec.Depth = 16
			r, err := Run(spec)
			require.NoError(t, pc.Close())
			<-done
			if copies[0] == 1 {
				require.NoError(t, err)
				require.Zero(t, r.Errors, r.Error)
				return
			}
			require.Positive(t, r.Errors)
			require.Contains(t, r.Error, ErrBytes.Error())
		})
	}
}
