package runtime_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
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
	slot := func(p net.PacketConn) int { return p.LocalAddr().(*net.UDPAddr).Port % runtime.OpenRuns }
	peers := []net.PacketConn{packetPeer(t, "udp4"), packetPeer(t, "udp4")}
	for slot(peers[0]) == slot(peers[1]) { // they would end each other's runs
		peers[1] = packetPeer(t, "udp4")
	}
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

// TestPacketPauseOfJoined: Pause holds for the datagrams that came joined with the
// one at hand, too, and Resume brings them.
func TestPacketPauseOfJoined(t *testing.T) {
	const count = 50
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	paused, told := false, 0
	done := make(chan struct{})
	cfg := &runtime.PacketConfig{GRO: true, ReadBuffer: 4 << 20}
	ln := listenPacket(t, rt, cfg, "udp4", packets(&packetFunc{
		datagram: func(c *runtime.PacketConn, d *runtime.Datagram) {
			if paused {
				t.Error("told of a datagram while paused")
			}
			if string(d.Bytes()) != string(payload(500-told/(count-1), told)) {
				t.Errorf("wrong bytes of datagram %d", told)
			}
			paused = true
			c.Pause()
			if told++; told == count {
				close(done)
				return
			}
			c.Loop().AfterFunc(0, func() {
				paused = false
				c.Resume()
			})
		}}))
	ctx := context.Background()
	_, err := rt.DialPacket(ctx, nil, "udp4", ln.Addr().String(), func(c *runtime.PacketConn) runtime.PacketHandler {
		for i := range count {
			_ = c.WriteTo(payload(500-i/(count-1), i), runtime.PacketAddr{})
		}
		return &packetFunc{}
	})
	require.NoError(t, err)
	receive(t, done)
}
