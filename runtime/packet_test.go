package runtime_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// packetFunc is a handler made of functions, each of which may be nil.
type packetFunc struct {
	datagram func(c *runtime.PacketConn, d *runtime.Datagram)
	failed   func(to runtime.PacketAddr, err error)
	drained  func()
	closed   chan error
}

func (h *packetFunc) Datagram(c *runtime.PacketConn, d *runtime.Datagram) {
	if h.datagram != nil {
		h.datagram(c, d)
	}
}

func (h *packetFunc) Closed(_ *runtime.PacketConn, err error) {
	if h.closed != nil {
		h.closed <- err
	}
}

func (h *packetFunc) Failed(_ *runtime.PacketConn, to runtime.PacketAddr, err error) {
	if h.failed != nil {
		h.failed(to, err)
	}
}

func (h *packetFunc) Drained(*runtime.PacketConn) {
	if h.drained != nil {
		h.drained()
	}
}

func echoPacket(c *runtime.PacketConn, d *runtime.Datagram) { _ = c.Send(d.Take(), d.From) }

func packetEcho(*runtime.PacketConn) runtime.PacketHandler { return &packetFunc{datagram: echoPacket} }

func packets(h *packetFunc) runtime.PacketAcceptFunc {
	return func(*runtime.PacketConn) runtime.PacketHandler { return h }
}

var wholeDatagrams = &runtime.PacketConfig{MaxDatagram: 65535, ReadBuffer: 4 << 20, WriteBuffer: 4 << 20}

// packetAddress returns where to listen, skipping the test where the system has no such network.
func packetAddress(t *testing.T, network string) string {
	switch network {
	case "unixgram":
		return filepath.Join(t.TempDir(), "s")
	case "udp6":
		c, err := net.ListenPacket("udp6", "[::1]:0")
		if err != nil {
			t.Skip("no IPv6 here")
		}
		c.Close()
		return "[::1]:0"
	}
	return "127.0.0.1:0"
}

func listenPacket(t *testing.T, rt *runtime.Runtime, cfg *runtime.PacketConfig, network string,
	accept runtime.PacketAcceptFunc) *runtime.PacketListener {
	t.Helper()
	ln, err := rt.ListenPacketWith(context.Background(), cfg, network, packetAddress(t, network), accept)
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	return ln
}

// packetPeer is a socket of package net, not connected.
func packetPeer(t *testing.T, network string) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket(network, packetAddress(t, network))
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(watchdog)))
	_ = c.(interface{ SetReadBuffer(int) error }).SetReadBuffer(4 << 20)
	_ = c.(interface{ SetWriteBuffer(int) error }).SetWriteBuffer(4 << 20)
	t.Cleanup(func() { c.Close() })
	return c
}

func payload(n, seed int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*7>>3 + seed)
	}
	return p
}

// requireSame does not print what may be 64 KiB.
func requireSame(t *testing.T, want, got []byte) {
	t.Helper()
	require.True(t, bytes.Equal(want, got), "got %d bytes, want %d, or other ones", len(got), len(want))
}

// settled waits until so many datagrams are sent: their receiver may have them before
// the sender hears of it.
func settled(t *testing.T, ln *runtime.PacketListener, sent int) (s runtime.PacketStats) {
	t.Helper()
	require.Eventually(t, func() bool {
		s = ln.Stats()
		return s.Sent == uint64(sent)
	}, watchdog, time.Millisecond)
	return s
}

func TestPacketEcho(t *testing.T) {
	for _, network := range []string{"udp4", "udp6", "unixgram"} {
		t.Run(network, func(t *testing.T) {
			rt := newRuntime(t, nil)
			ln := listenPacket(t, rt, wholeDatagrams, network, packetEcho)
			c := packetPeer(t, network)
			buf := make([]byte, 1<<16)
			sizes := []int{0, 1, 64, 1400, 1472, 1473, 4 << 10, 4<<10 + 1, 9000, 16 << 10, 60_000, 65_507}
			for i, n := range sizes {
				sent := payload(n, i)
				_, err := c.WriteTo(sent, ln.Addr())
				require.NoError(t, err)
				got, from, err := c.ReadFrom(buf)
				require.NoError(t, err)
				requireSame(t, sent, buf[:got])
				require.Equal(t, ln.Addr().String(), from.String())
			}
			s := settled(t, ln, len(sizes))
			require.EqualValues(t, len(sizes), s.Received)
			require.Zero(t, s.Dropped+s.Truncated+s.Errors+s.KernelDrops)
		})
	}
}

// TestPacketBothFamilies: one socket serves IPv4 and IPv6, and tells IPv4 peers as such.
func TestPacketBothFamilies(t *testing.T) {
	packetAddress(t, "udp6")
	rt := newRuntime(t, nil)
	ln, err := rt.ListenPacket(context.Background(), "udp", ":0", packetEcho)
	require.NoError(t, err)
	defer ln.Close()
	port := ln.Addr().(*net.UDPAddr).Port
	for _, host := range []string{"127.0.0.1", "::1"} {
		c, err := net.Dial("udp", net.JoinHostPort(host, fmt.Sprint(port)))
		require.NoError(t, err)
		defer c.Close()
		require.NoError(t, c.SetDeadline(time.Now().Add(watchdog)))
		_, err = c.Write([]byte(host))
		require.NoError(t, err)
		buf := make([]byte, 100)
		n, err := c.Read(buf)
		require.NoError(t, err)
		require.Equal(t, host, string(buf[:n]))
	}
}

// TestPacketFlood: every datagram that was sent is received, or the kernel counted it
// as dropped; every one that is received comes once and whole.
func TestPacketFlood(t *testing.T) {
	const peers, each = 8, 2000
	type key struct{ peer, number uint32 }
	seen := make(map[key]int)
	var mu sync.Mutex
	rt := newRuntime(t, nil)
	ln := listenPacket(t, rt, nil, "udp4", packets(&packetFunc{
		datagram: func(_ *runtime.PacketConn, d *runtime.Datagram) {
			b := d.Bytes()
			k := key{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])}
			mu.Lock()
			defer mu.Unlock()
			seen[k]++
			if want := payload(64+int(k.number%1000), int(k.peer)); string(b[8:]) != string(want) {
				seen[k] += 1000
			}
		}}))
	var wg sync.WaitGroup
	for p := range peers {
		c := packetPeer(t, "udp4")
		wg.Go(func() {
			for i := range each {
				b := make([]byte, 8, 1100)
				binary.BigEndian.PutUint32(b, uint32(p))
				binary.BigEndian.PutUint32(b[4:], uint32(i))
				if _, err := c.WriteTo(append(b, payload(64+i%1000, p)...), ln.Addr()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	drops := goosLinux()
	require.Eventually(t, func() bool {
		s := ln.Stats()
		return s.Received+s.KernelDrops == peers*each || !drops && s.Received > 0
	}, watchdog, time.Millisecond)
	mu.Lock()
	defer mu.Unlock()
	require.EqualValues(t, ln.Stats().Received, len(seen))
	for k, n := range seen {
		require.Equal(t, 1, n, "%v", k)
	}
}

func goosLinux() bool { _, err := os.Stat("/proc/self/fd"); return err == nil }

func TestPacketTruncationIsTold(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1, RecvBufferSize: 2048, RecvBuffers: 16})
	type got struct {
		n   int
		cut bool
	}
	all := make(chan got, 10)
	ln := listenPacket(t, rt, nil, "udp4", packets(&packetFunc{
		datagram: func(_ *runtime.PacketConn, d *runtime.Datagram) { all <- got{len(d.Bytes()), d.Truncated} }}))
	c := packetPeer(t, "udp4")
	for _, n := range []int{100, 5000, 1500, 2049, 1} {
		_, err := c.WriteTo(payload(n, 0), ln.Addr())
		require.NoError(t, err)
		g := <-all
		require.Equal(t, n > 2048, g.cut, "%d bytes", n)
		require.True(t, g.cut || g.n == n)
	}
	require.EqualValues(t, 2, ln.Stats().Truncated)
}

// TestPacketRuns: datagrams to one peer that wait together arrive one by one, in order.
func TestPacketRuns(t *testing.T) {
	sizes := []int{}
	for range 100 {
		sizes = append(sizes, 100)
	}
	sizes = append(sizes, 50, 100, 0, 100, 200, 200, 199, 3000, 3000, 1, 20_000, 20_000, 1)
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	peers := []net.PacketConn{packetPeer(t, "udp4"), packetPeer(t, "udp4")}
	ln := listenPacket(t, rt, wholeDatagrams, "udp4", packets(&packetFunc{
		datagram: func(c *runtime.PacketConn, d *runtime.Datagram) {
			for i, n := range sizes {
				for k, p := range peers {
					to := runtime.PacketAddrOf(p.LocalAddr())
					if n%3 == 0 { // both ways to send, copied or not
						_ = c.WriteTo(payload(n, i+k), to)
					} else {
						_ = c.Send(buffers.Wrap(payload(n, i+k), nil), to)
					}
				}
			}
		}}))
	_, err := peers[0].WriteTo(nil, ln.Addr())
	require.NoError(t, err)
	buf := make([]byte, 1<<16)
	for k, p := range peers {
		for i, n := range sizes {
			got, _, err := p.ReadFrom(buf)
			require.NoError(t, err)
			requireSame(t, payload(n, i+k), buf[:got])
		}
	}
	s := settled(t, ln, 2*len(sizes))
	if rt.Caps().SegmentOffload {
		require.Less(t, s.Sends, s.Sent/4)
	}
}

// TestPacketRunsOverAPathThatIsTooNarrow: what can not leave joined leaves alone.
func TestPacketRunsOverAPathThatIsTooNarrow(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	p := packetPeer(t, "udp4")
	// UDP_SEGMENT is EINVAL without checksums, which a socket may ask for.
	const soNoCheck = 11
	cfg := *wholeDatagrams
	cfg.Control = func(fd uintptr) error { return setNoCheck(fd, soNoCheck) }
	ln := listenPacket(t, rt, &cfg, "udp4", packets(&packetFunc{
		datagram: func(c *runtime.PacketConn, d *runtime.Datagram) {
			for i := range 50 {
				_ = c.WriteTo(payload(100, i), d.From)
			}
		}}))
	buf := make([]byte, 1000)
	for range 2 {
		_, err := p.WriteTo(nil, ln.Addr())
		require.NoError(t, err)
		for i := range 50 {
			n, _, err := p.ReadFrom(buf)
			require.NoError(t, err)
			requireSame(t, payload(100, i), buf[:n])
		}
	}
	s := settled(t, ln, 100)
	require.Zero(t, s.Dropped+s.Errors)
}

// TestPacketGRO: joined datagrams are taken apart before the handler sees them.
func TestPacketGRO(t *testing.T) {
	const count = 200
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	var sizes []int
	done := make(chan struct{})
	cfg := &runtime.PacketConfig{GRO: true, ReadBuffer: 4 << 20}
	ln := listenPacket(t, rt, cfg, "udp4", packets(&packetFunc{
		datagram: func(_ *runtime.PacketConn, d *runtime.Datagram) {
			if string(d.Bytes()) != string(payload(len(d.Bytes()), 0)) {
				t.Error("wrong bytes")
			}
			if sizes = append(sizes, len(d.Bytes())); len(sizes) == count {
				close(done)
			}
		}}))
	ctx := context.Background()
	_, err := rt.DialPacket(ctx, nil, "udp4", ln.Addr().String(), func(c *runtime.PacketConn) runtime.PacketHandler {
		for i := range count {
			_ = c.WriteTo(payload(1000-i%50/49, 0), runtime.PacketAddr{})
		}
		return &packetFunc{}
	})
	require.NoError(t, err)
	<-done
	for i, n := range sizes {
		require.Equal(t, 1000-i%50/49, n)
	}
}

func TestPacketRefused(t *testing.T) {
	gone := packetPeer(t, "udp4")
	addr := gone.LocalAddr().String()
	gone.Close()
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
	rt := newRuntime(t, &runtime.Config{Loops: 1, LingerTimeout: 50 * time.Millisecond})
	p := packetPeer(t, "unixgram")
	drained := make(chan struct{}, 1)
	ln := listenPacket(t, rt, &runtime.PacketConfig{SendQueue: 10_000}, "unixgram",
		packets(&packetFunc{drained: func() { drained <- struct{}{} }}))
	c := ln.Conns()[0]
	sent, full := 0, error(nil)
	for sent < 1_000_000 && full == nil {
		require.NoError(t, c.Loop().Call(func() {
			if full = c.WriteTo(payload(1000, sent), runtime.PacketAddrOf(p.LocalAddr())); full == nil {
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
		requireSame(t, payload(1000, i), buf[:n])
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
	ln := listenPacket(t, rt, nil, "udp4", packetEcho)
	ctx := context.Background()
	_, err := rt.ListenPacket(ctx, "udp4", ln.Addr().String(), packetEcho)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.NoError(t, ln.Close())
	again, err := rt.ListenPacket(ctx, "udp4", ln.Addr().String(), packetEcho)
	require.NoError(t, err)
	require.Equal(t, ln.Addr().String(), again.Addr().String())
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
