package stdnet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/stdnet"
)

// TestMovesLoseNothing sends both ways at once over connections that move whenever
// they can, with deadlines that interrupt calls in flight.
func TestMovesLoseNothing(t *testing.T) {
	rt := newRuntime(t)
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			rapid.Check(t, func(rt2 *rapid.T) {
				server, client := pair(t, rt, network, stdnet.Roam)
				sizes := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(1, 200), rapid.IntRange(1, 400_000)), 1, 30)
				up, down := sizes.Draw(rt2, "up"), sizes.Draw(rt2, "down")
				chunk := rapid.SampledFrom([]int{1 << 9, 1 << 12, 1 << 16}).Draw(rt2, "chunk")
				nag := rapid.Bool().Draw(rt2, "interrupt")
				results := make(chan error, 4)
				go func() { results <- sendAll(client, up) }()
				go func() { results <- sendAll(server, down) }()
				go func() { results <- receiveAll(server, up, chunk) }()
				go func() { results <- receiveAll(client, down, chunk) }()
				stop := make(chan struct{})
				nagged := make(chan struct{})
				go func() {
					defer close(nagged)
					interrupt(stop, nag, server, client)
				}()
				for range cap(results) {
					if err := <-results; err != nil {
						rt2.Errorf("%v", err)
					}
				}
				close(stop)
				<-nagged
				_ = server.Close()
				_ = client.Close()
			})
		})
	}
}

// interrupt ends calls in flight by deadlines, again and again.
func interrupt(stop chan struct{}, nag bool, conns ...net.Conn) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Millisecond):
		}
		if !nag {
			continue
		}
		for _, c := range conns {
			_ = c.SetDeadline(longAgo)
			_ = c.SetDeadline(time.Time{})
		}
	}
}

// sendAll sends pieces of the stream of noise, going on after every deadline, and
// then ends the stream.
func sendAll(c net.Conn, sizes []int) error {
	all := noise(sum(sizes))
	for _, size := range sizes {
		for left := size; left > 0; {
			n, err := c.Write(all[:left])
			all, left = all[n:], left-n
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				return fmt.Errorf("send: %w", err)
			}
		}
	}
	return c.(halfCloser).CloseWrite()
}

func receiveAll(c net.Conn, sizes []int, chunk int) error {
	want := noise(sum(sizes))
	buf := make([]byte, chunk)
	for {
		n, err := c.Read(buf)
		if n > len(want) || !bytes.Equal(buf[:n], want[:n]) {
			return errors.New("receive: other bytes than were sent")
		}
		want = want[n:]
		switch {
		case err == io.EOF && len(want) == 0:
			return nil
		case err == nil, errors.Is(err, os.ErrDeadlineExceeded):
		default:
			return fmt.Errorf("receive, %d bytes before the end: %w", len(want), err)
		}
	}
}

func sum(list []int) (total int) {
	for _, n := range list {
		total += n
	}
	return total
}

// crowd is many connections of a runtime to an echo of its, and their clients.
type crowd struct {
	t       *testing.T
	rt      *runtime.Runtime
	clients []net.Conn
}

func newCrowd(t *testing.T, conns int) *crowd {
	w := &crowd{t: t, rt: newRuntime(t)}
	ln := listen(t, w.rt, "tcp", stdnet.Auto)
	d := stdnet.Dialer{Runtime: w.rt, Mode: stdnet.Poller}
	for range conns {
		c, err := d.Dial("tcp", ln.Addr().String())
		require.NoError(t, err)
		s, err := ln.Accept()
		require.NoError(t, err)
		t.Cleanup(func() { c.Close(); s.Close() })
		w.clients = append(w.clients, c)
		go func() {
			buf := make([]byte, 32<<10)
			for {
				n, err := s.Read(buf)
				if err != nil {
					return
				}
				if _, err := s.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
	return w
}

// busy has clients send text and get it back, all at once.
func (w *crowd) busy(clients []net.Conn, text string) {
	done := make(chan error, len(clients))
	for i, c := range clients {
		go func() { done <- pingPong(c, fmt.Sprintf("connection %d %s", i, text), 50) }()
	}
	for range clients {
		require.NoError(w.t, <-done)
	}
}

func (w *crowd) onLoops() (n int) {
	for _, l := range w.rt.Stats().Loops {
		n += l.Conns
	}
	return n
}

// until calls f until connections are where they should be.
func (w *crowd) until(what string, where func(onLoops int) bool, f func()) {
	w.t.Helper()
	for deadline := time.Now().Add(watchdog); !where(w.onLoops()); f() {
		require.True(w.t, time.Now().Before(deadline), what)
	}
}

// TestAutoMoves shows that load moves connections to the loop, and its absence
// back, without a byte lost.
func TestAutoMoves(t *testing.T) {
	const conns = 64
	w := newCrowd(t, conns)
	if w.rt.Backend().String() == "portable" {
		w.busy(w.clients, "")
		require.Zero(t, w.onLoops(), "going there never pays")
		return
	}
	w.until("no connection moved to a loop", func(n int) bool { return n > 0 }, func() { w.busy(w.clients, "") })
	w.until("no connection moved back", func(n int) bool { return n <= conns/2 }, func() {
		for _, c := range w.clients { // one at a time
			w.busy([]net.Conn{c}, "")
		}
	})
}

// TestAutoMovesOnOneProcessor: there the loop yields until all that it woke have run.
func TestAutoMovesOnOneProcessor(t *testing.T) {
	defer goruntime.GOMAXPROCS(goruntime.GOMAXPROCS(1))
	TestAutoMoves(t)
}

// TestBulkLeavesTheLoop: connections that carry much go back to the netpoller, however
// busy they are.
func TestBulkLeavesTheLoop(t *testing.T) {
	const conns = 64
	w := newCrowd(t, conns)
	if w.rt.Backend().String() == "portable" {
		t.Skip("there they never are on a loop")
	}
	w.until("not all moved to a loop", func(n int) bool { return n == conns }, func() { w.busy(w.clients, "") })
	much := strings.Repeat("much ", 4<<10)
	w.until("not all have left", func(n int) bool { return n == 0 }, func() { w.busy(w.clients, much) })
}

// TestBulkRests: and they stay there for a while, however hot the loop is.
func TestBulkRests(t *testing.T) {
	w := &crowd{t: t, rt: newRuntime(t)}
	if w.rt.Backend().String() == "portable" {
		t.Skip("there they never are on a loop")
	}
	s, c := accepted(t, w.rt, stdnet.Auto)
	buf := make([]byte, 8<<10)
	pass := func(n int) func() {
		return func() {
			_, err := c.Write(buf[:n])
			require.NoError(t, err)
			for got := 0; got < n; {
				stdnet.Heat(s)
				k, err := s.Read(buf[got:n])
				require.NoError(t, err)
				got += k
			}
		}
	}
	w.until("it did not move to the loop", func(n int) bool { return n == 1 }, pass(10))
	begin := time.Now()
	w.until("it did not leave", func(n int) bool { return n == 0 }, pass(len(buf)))
	for range 50 {
		pass(10)()
	}
	if n := w.onLoops(); time.Since(begin) < stdnet.BulkRest {
		require.Zero(t, n, "it came back at once")
	}
}

func pingPong(c net.Conn, text string, rounds int) error {
	buf := make([]byte, len(text))
	for range rounds {
		if _, err := c.Write([]byte(text)); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			return err
		}
		if string(buf) != text {
			return fmt.Errorf("got %q, want %q", buf, text)
		}
	}
	return nil
}
