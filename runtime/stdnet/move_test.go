package stdnet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

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

// TestAutoMoves shows that load moves connections to the loop, and its absence
// back, without a byte lost.
func TestAutoMoves(t *testing.T) {
	rt := newRuntime(t)
	const conns = 64
	ln := listen(t, rt, "tcp", stdnet.Auto)
	d := stdnet.Dialer{Runtime: rt, Mode: stdnet.Poller}
	var servers, clients []net.Conn
	for range conns {
		c, err := d.Dial("tcp", ln.Addr().String())
		require.NoError(t, err)
		s, err := ln.Accept()
		require.NoError(t, err)
		defer c.Close()
		defer s.Close()
		servers, clients = append(servers, s), append(clients, c)
	}
	for _, s := range servers {
		go func() {
			buf := make([]byte, 64)
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
	busy := func(list []net.Conn) {
		done := make(chan error, len(list))
		for i, c := range list {
			go func() { done <- pingPong(c, fmt.Sprintf("connection %d", i), 50) }()
		}
		for range list {
			require.NoError(t, <-done)
		}
	}
	onLoops := func() (n int) {
		for _, l := range rt.Stats().Loops {
			n += l.Conns
		}
		return n
	}
	if rt.Backend().String() == "portable" {
		busy(clients)
		require.Zero(t, onLoops(), "going there never pays")
		return
	}
	deadline := time.Now().Add(watchdog)
	for onLoops() == 0 {
		require.True(t, time.Now().Before(deadline), "no connection moved to a loop")
		busy(clients)
	}
	for onLoops() == conns || onLoops() > conns/2 {
		require.True(t, time.Now().Before(deadline), "no connection moved back")
		for _, c := range clients { // one at a time
			busy([]net.Conn{c})
		}
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
