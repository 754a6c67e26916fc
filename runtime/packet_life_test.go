package runtime_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/internal/testport"
	"github.com/headrace/headrace/runtime"
)

func TestPacketRefused(t *testing.T) {
	addr := testport.Refusing(t)
	rt := newRuntime(t, nil)
	failed := make(chan error, 10)
	c, err := rt.DialPacket(context.Background(), nil, "udp4", addr, packets(&packetFunc{
		failed: func(_ runtime.PacketAddr, err error) { failed <- err }}))
	require.NoError(t, err)
	require.Equal(t, addr, c.RemoteAddr().String())
	for range 3 { // the socket goes on
		require.NoError(t, c.Loop().Call(func() { _ = c.WriteTo([]byte("hello"), runtime.PacketAddr{}) }))
		err = <-failed
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		var op *net.OpError
		require.ErrorAs(t, err, &op)
	}
}

func TestPacketSendErrors(t *testing.T) {
	rt := newRuntime(t, nil)
	type failure struct {
		to  runtime.PacketAddr
		err error
	}
	failed := make(chan failure, 10)
	ln := listenPacket(t, rt, nil, "udp4", packets(&packetFunc{
		failed: func(to runtime.PacketAddr, err error) { failed <- failure{to, err} }}))
	to := runtime.PacketAddrOf(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9})
	c := ln.Conns()[0]
	require.NoError(t, c.Loop().Call(func() { _ = c.WriteTo(make([]byte, 70_000), to) }))
	f := <-failed
	require.Equal(t, to, f.to)
	require.ErrorIs(t, f.err, syscall.EMSGSIZE)
	require.EqualValues(t, 1, ln.Stats().Dropped)
}

// TestPacketQueueIsBounded: a peer that does not read costs so much memory and no more.
func TestPacketQueueIsBounded(t *testing.T) {
	for _, size := range []int{1000, 0} {
		t.Run(strconv.Itoa(size), func(t *testing.T) { fillPacketQueue(t, size) })
	}
}

// fillPacketQueue sends what nobody reads until it is refused, then reads it all.
func fillPacketQueue(t *testing.T, size int) {
	rt := newRuntime(t, &runtime.Config{Loops: 1, LingerTimeout: 50 * time.Millisecond})
	p := packetPeer(t, "unixgram")
	drained := make(chan struct{}, 1)
	ln := listenPacket(t, rt, &runtime.PacketConfig{SendQueue: 10_000}, "unixgram",
		packets(&packetFunc{drained: func() { drained <- struct{}{} }}))
	c := ln.Conns()[0]
	sent, full := 0, error(nil)
	for sent < 1_000_000 && full == nil {
		require.NoError(t, c.Loop().Call(func() {
			for range 100 {
				if full = c.WriteTo(payload(size, sent), runtime.PacketAddrOf(p.LocalAddr())); full != nil {
					return
				}
				sent++
			}
		}))
	}
	require.ErrorIs(t, full, runtime.ErrPacketQueue)
	require.ErrorIs(t, full, syscall.ENOBUFS)
	require.EqualValues(t, 1, ln.Stats().Dropped)
	buf := make([]byte, 2000)
	for i := range sent {
		n, _, err := p.ReadFrom(buf)
		require.NoError(t, err)
		requireSame(t, payload(size, i), buf[:n])
	}
	<-drained
	require.NoError(t, c.Loop().Call(func() { require.False(t, c.Full()) }))
}

func TestPacketCloseSendsWhatIsQueued(t *testing.T) {
	rt := newRuntime(t, nil)
	p := packetPeer(t, "udp4")
	closed := make(chan error, 1)
	h := &packetFunc{closed: closed, datagram: func(c *runtime.PacketConn, d *runtime.Datagram) {
		for i := range 100 {
			_ = c.WriteTo(payload(100, i), d.From)
		}
		c.Close()
		c.Close()
		if err := c.WriteTo([]byte("late"), d.From); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}}
	ln := listenPacket(t, rt, &runtime.PacketConfig{OneSocket: true}, "udp4", packets(h))
	_, err := p.WriteTo(nil, ln.Addr())
	require.NoError(t, err)
	require.NoError(t, <-closed)
	buf := make([]byte, 1000)
	for i := range 100 {
		n, _, err := p.ReadFrom(buf)
		require.NoError(t, err)
		requireSame(t, payload(100, i), buf[:n])
	}
	require.NoError(t, ln.Close())
	require.EqualValues(t, 100, ln.Stats().Sent)
}

// TestPacketPort: nobody else's port is joined, and Close frees it.
func TestPacketPort(t *testing.T) {
	rt := newRuntime(t, nil)
	ctx, addr := context.Background(), testport.Refusing(t)
	ln, err := rt.ListenPacket(ctx, "udp4", addr, packetEcho)
	require.NoError(t, err)
	_, err = rt.ListenPacket(ctx, "udp4", addr, packetEcho)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.NoError(t, ln.Close())
	again, err := rt.ListenPacket(ctx, "udp4", addr, packetEcho)
	require.NoError(t, err)
	require.Equal(t, addr, again.Addr().String())
	require.NoError(t, again.Close())

	name := filepath.Join(t.TempDir(), "s")
	u, err := rt.ListenPacket(ctx, "unixgram", name, packetEcho)
	require.NoError(t, err)
	require.FileExists(t, name)
	require.NoError(t, u.Close())
	require.NoFileExists(t, name)
}

func TestPacketMistakes(t *testing.T) {
	rt := newRuntime(t, nil)
	ctx := context.Background()
	for _, tt := range []struct{ network, address, says string }{
		{"tcp", "127.0.0.1:0", "unknown network"},
		{"udp", "127.0.0.1", "missing port"},
		{"udp4", "[::1]:0", "no suitable address"},
		{"udp", "127.0.0.1:nonsense", "unknown port"},
		{"unixgram", "/nonexistent/s", "no such file"},
	} {
		_, err := rt.ListenPacket(ctx, tt.network, tt.address, packetEcho)
		require.ErrorContains(t, err, tt.says)
		var op *net.OpError
		require.ErrorAs(t, err, &op)
		_, err = rt.DialPacket(ctx, nil, tt.network, tt.address, packetEcho)
		require.ErrorContains(t, err, tt.says)
	}
}

func TestPacketPanic(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	closed := make(chan error, 1)
	ln := listenPacket(t, rt, nil, "udp4", packets(&packetFunc{closed: closed,
		datagram: func(*runtime.PacketConn, *runtime.Datagram) { panic("no") }}))
	p := packetPeer(t, "udp4")
	for range 3 {
		_, err := p.WriteTo([]byte("x"), ln.Addr())
		require.NoError(t, err)
	}
	require.ErrorIs(t, <-closed, runtime.ErrPanic)
	require.NoError(t, ln.Close())
	other := listenPacket(t, rt, nil, "udp4", packetEcho) // the loop lives
	_, err := p.WriteTo([]byte("x"), other.Addr())
	require.NoError(t, err)
	_, _, err = p.ReadFrom(make([]byte, 10))
	require.NoError(t, err)
	_, err = rt.ListenPacket(context.Background(), "udp4", "127.0.0.1:0",
		func(*runtime.PacketConn) runtime.PacketHandler { panic("nor this") })
	require.NoError(t, err)
}

func TestPacketPause(t *testing.T) {
	const count = 50
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	var got []byte
	all := make(chan struct{})
	ln := listenPacket(t, rt, nil, "udp4", packets(&packetFunc{
		datagram: func(c *runtime.PacketConn, d *runtime.Datagram) {
			got = append(got, d.Bytes()[0])
			if len(got) == count {
				close(all)
			}
			if len(got)%7 != 0 {
				return
			}
			c.Pause()
			n := len(got)
			c.Loop().AfterFunc(time.Millisecond, func() {
				if len(got) != n {
					t.Error("received while paused")
				}
				c.Resume()
			})
		}}))
	p := packetPeer(t, "udp4")
	for i := range count {
		_, err := p.WriteTo([]byte{byte(i)}, ln.Addr())
		require.NoError(t, err)
	}
	<-all
	for i, b := range got {
		require.EqualValues(t, i, b)
	}
}

// TestPacketPauseIsBounded: a handler that pauses after every datagram leaves the rest
// to the kernel, however much comes.
func TestPacketPauseIsBounded(t *testing.T) {
	const count, most = 300, 200
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	pool := rt.Loops()[0].Pool()
	inUse := func() (n int) {
		for _, class := range pool.Stats().Classes {
			n += class.InUse - class.Lent
		}
		return n
	}
	got, peak := 0, 0
	all := make(chan struct{})
	ln := listenPacket(t, rt, nil, "udp4", packets(&packetFunc{
		datagram: func(c *runtime.PacketConn, _ *runtime.Datagram) {
			if got++; got == count {
				close(all)
			}
			peak = max(peak, inUse())
			c.Pause()
			c.Loop().AfterFunc(10*time.Microsecond, c.Resume)
		}}))
	p := packetPeer(t, "udp4")
	guard := time.Now().Add(watchdog)
	for sending := true; sending; {
		for range 100 {
			_, err := p.WriteTo([]byte("x"), ln.Addr())
			require.NoError(t, err)
		}
		select {
		case <-all:
			sending = false
		default:
			require.True(t, time.Now().Before(guard))
		}
	}
	held := 0
	require.NoError(t, rt.Loops()[0].Call(func() { held = peak }))
	require.Less(t, held, most)
}

// TestPacketShutdown: sockets that were listened on and dialed end with the runtime.
func TestPacketShutdown(t *testing.T) {
	rt := newRuntime(t, nil)
	closed := make(chan error, 10)
	ln := listenPacket(t, rt, nil, "udp4", packets(&packetFunc{closed: closed}))
	n := len(ln.Conns()) + 1
	_, err := rt.DialPacket(context.Background(), nil, "udp4", ln.Addr().String(), packets(&packetFunc{closed: closed}))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), watchdog)
	defer cancel()
	require.NoError(t, rt.Shutdown(ctx))
	for range n {
		<-closed
	}
	_, err = rt.ListenPacket(ctx, "udp4", "127.0.0.1:0", packetEcho)
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = rt.DialPacket(ctx, nil, "udp4", ln.Addr().String(), packetEcho)
	require.ErrorIs(t, err, net.ErrClosed)
}

// TestPacketLoops: where the system can, each loop has a socket, and peers stay where they are.
func TestPacketLoops(t *testing.T) {
	rt := newRuntime(t, nil)
	if !rt.Caps().ReusePort {
		t.Skip("one socket on this engine")
	}
	where := make(map[runtime.PacketAddr]*runtime.Loop)
	var mu sync.Mutex
	ln := listenPacket(t, rt, nil, "udp4", packets(&packetFunc{
		datagram: func(c *runtime.PacketConn, d *runtime.Datagram) {
			mu.Lock()
			defer mu.Unlock()
			if l := where[d.From]; l != nil && l != c.Loop() {
				t.Error("a peer went to another loop")
			}
			where[d.From] = c.Loop()
			echoPacket(c, d)
		}}))
	require.Len(t, ln.Conns(), 2)
	buf := make([]byte, 10)
	for range 40 {
		p := packetPeer(t, "udp4")
		for range 3 {
			_, err := p.WriteTo([]byte("x"), ln.Addr())
			require.NoError(t, err)
			_, _, err = p.ReadFrom(buf)
			require.NoError(t, err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	loops := make(map[*runtime.Loop]bool)
	for _, l := range where {
		loops[l] = true
	}
	require.Len(t, loops, 2, "40 peers on one loop of two")
}

// TestPacketAdopt: a socket of package net goes on here.
func TestPacketAdopt(t *testing.T) {
	rt := newRuntime(t, nil)
	l := rt.Loops()[0]
	std := packetPeer(t, "udp4")
	addr := std.LocalAddr()
	var err error
	require.NoError(t, l.Call(func() { _, err = l.AdoptPacket(std, nil, packetEcho) }))
	require.NoError(t, err)
	p := packetPeer(t, "udp4")
	_, err = p.WriteTo([]byte("hello"), addr)
	require.NoError(t, err)
	buf := make([]byte, 10)
	n, _, err := p.ReadFrom(buf)
	require.NoError(t, err)
	require.Equal(t, "hello", string(buf[:n]))
}

// TestPacketDialTriesAll: what can not be connected to is no reason to give up before the last address.
func TestPacketDialTriesAll(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	l := rt.Loops()[0]
	p := packetPeer(t, "udp4")
	cfg := &runtime.PacketConfig{LocalAddr: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}}
	other := &net.UDPAddr{IP: net.IPv6loopback, Port: 9} // not from that address
	dial := func(addrs ...net.Addr) (c *runtime.PacketConn, err error) {
		done := make(chan struct{})
		require.NoError(t, l.Call(func() {
			l.DialPacketAddrs(cfg, "udp", addrs, func(got *runtime.PacketConn, failed error) runtime.PacketHandler {
				defer close(done)
				c, err = got, failed
				return &packetFunc{}
			})
		}))
		<-done
		return c, err
	}
	c, err := dial(other, other, p.LocalAddr())
	require.NoError(t, err)
	require.NoError(t, l.Call(func() { _ = c.WriteTo([]byte("hello"), runtime.PacketAddr{}) }))
	buf := make([]byte, 10)
	n, from, err := p.ReadFrom(buf)
	require.NoError(t, err)
	require.Equal(t, "hello", string(buf[:n]))
	require.Equal(t, c.LocalAddr().String(), from.String())

	_, err = dial(other, &net.UDPAddr{IP: net.IPv6loopback, Port: 10})
	var op *net.OpError
	require.ErrorAs(t, err, &op)
	require.Equal(t, other.String(), op.Addr.String(), "the first error")
}

// TestPacketDialUnix: a connected Unix socket sends without an address and receives from its peer.
func TestPacketDialUnix(t *testing.T) {
	rt := newRuntime(t, nil)
	p := packetPeer(t, "unixgram")
	got := make(chan string, 1)
	cfg := &runtime.PacketConfig{LocalAddr: &net.UnixAddr{Name: packetAddress(t, "unixgram"), Net: "unixgram"}}
	c, err := rt.DialPacket(context.Background(), cfg, "unixgram", p.LocalAddr().String(), packets(&packetFunc{
		datagram: func(_ *runtime.PacketConn, d *runtime.Datagram) { got <- string(d.Bytes()) }}))
	require.NoError(t, err)
	require.Equal(t, p.LocalAddr().String(), c.RemoteAddr().String())
	require.Equal(t, cfg.LocalAddr.String(), c.LocalAddr().String())
	for range 3 {
		require.NoError(t, c.Loop().Call(func() { _ = c.WriteTo([]byte("question"), runtime.PacketAddr{}) }))
		buf := make([]byte, 10)
		n, from, err := p.ReadFrom(buf)
		require.NoError(t, err)
		require.Equal(t, "question", string(buf[:n]))
		_, err = p.WriteTo([]byte("answer"), from)
		require.NoError(t, err)
		require.Equal(t, "answer", <-got)
	}
	_, err = rt.DialPacket(context.Background(), nil, "unixgram", packetAddress(t, "unixgram"), packetEcho)
	require.Error(t, err, "nobody is there")
}

func TestPacketConfigErrors(t *testing.T) {
	rt := newRuntime(t, nil)
	for name, cfg := range map[string]*runtime.PacketConfig{
		"MaxDatagram": {MaxDatagram: -1}, "SendQueue": {SendQueue: -1},
		"ReadBuffer": {ReadBuffer: -1}, "WriteBuffer": {WriteBuffer: -1},
	} {
		_, err := rt.ListenPacketWith(t.Context(), cfg, "udp", "127.0.0.1:0", packetEcho)
		require.ErrorContains(t, err, name)
		_, err = rt.DialPacket(t.Context(), cfg, "udp", "127.0.0.1:1", packetEcho)
		require.ErrorContains(t, err, name)
	}
}
