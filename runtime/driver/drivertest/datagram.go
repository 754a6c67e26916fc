package drivertest

import (
	"fmt"
	"net"
	goruntime "runtime"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

var datagramTests = []test{
	{name: "datagram/sizes", once: testDatagramSizes},
	{name: "datagram/truncated", once: testDatagramTruncated},
	{name: "datagram/reply", once: testDatagramReply},
	{name: "datagram/burst", once: testDatagramBurst},
	{name: "datagram/connected", once: testDatagramConnected},
	{name: "datagram/too long", once: testDatagramTooLong},
	{name: "datagram/cancel and close", once: testDatagramCancel},
	{name: "datagram/unix", once: testDatagramUnix},
}

// packet is one datagram as a test saw it.
type packet struct {
	from    string
	data    []byte
	cut     bool
	segment int
}

// recvPackets starts a RecvFrom that collects into the returned slice.
func (h *harness) recvPackets(s driver.Socket) (*call, *[]packet) {
	c := h.call(driver.RecvFrom, s)
	var got []packet
	c.expect = func(r *driver.Result) {
		if r.Err != nil {
			return
		}
		if r.Msg == nil {
			h.t.Errorf("no Msg in a completion of RecvFrom")
			return
		}
		p := packet{cut: r.Msg.Truncated, segment: r.Msg.Segment}
		if r.Msg.Remote != nil {
			p.from = r.Msg.Remote.String()
		}
		if r.Chunk != nil {
			p.data = append(p.data, r.Chunk.Bytes()...)
		}
		got = append(got, p)
	}
	return c.submit(), &got
}

// sendTo sends one datagram, whose bytes lie in the given pieces.
func (h *harness) sendTo(s driver.Socket, to net.Addr, pieces ...[]byte) *call {
	c := h.call(driver.SendTo, s)
	for _, p := range pieces {
		c.put(p)
	}
	c.ext.Remote = to
	c.op.Chain = &c.out
	return c.submit()
}

// udp returns a datagram socket of the engine and its address.
func (h *harness) udp() (driver.Socket, net.Addr) {
	h.t.Helper()
	s, err := h.Listen("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, &driver.ListenConfig{})
	require.NoError(h.t, err)
	return s, h.LocalAddr(s)
}

// udpPeer returns a socket of package net.
func (h *harness) udpPeer() *net.UDPConn {
	h.t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(h.t, err)
	c.SetDeadline(time.Now().Add(Patience))
	h.t.Cleanup(func() { c.Close() })
	return c
}

func withRecvSize(n int) func(*driver.Config) {
	return func(cfg *driver.Config) { cfg.RecvBufferSize, cfg.RecvBuffers = n, 8 }
}

// testDatagramSizes: each datagram comes whole and alone, from the right peer.
func testDatagramSizes(h *harness) {
	h = h.reopen(&buffers.Config{BlockSizes: []int{128 << 10}}, withRecvSize(128<<10))
	s, addr := h.udp()
	c, got := h.recvPackets(s)
	p := h.udpPeer()
	for i, n := range []int{1, 0, 100, 1472, 1473, 9000, 60_000, 65_507, 1} {
		_, err := p.WriteTo(data(0, n), addr)
		require.NoError(h.t, err)
		h.until(fmt.Sprintf("%d bytes", n), func() bool { return len(*got) > i || c.final })
		require.NoError(h.t, c.err)
		g := (*got)[i]
		require.Len(h.t, g.data, n)
		require.NoError(h.t, (&stream{}).verify(g.data))
		require.Equal(h.t, p.LocalAddr().String(), g.from)
		require.False(h.t, g.cut, "%d bytes", n)
		require.Zero(h.t, g.segment)

		sent := h.sendTo(s, p.LocalAddr(), data(0, n/3), data(int64(n/3), n-n/3)).wait()
		require.NoError(h.t, sent.err)
		require.Equal(h.t, n, sent.n)
		require.Equal(h.t, n, sent.out.Len(), "SendTo changed the chain")
		buf := make([]byte, 70_000)
		m, from, err := p.ReadFrom(buf)
		require.NoError(h.t, err)
		require.Equal(h.t, n, m)
		require.Equal(h.t, addr.String(), from.String())
		require.NoError(h.t, (&stream{}).verify(buf[:m]))
	}
}

// testDatagramTruncated: a long datagram is cut and told, and the next is whole.
func testDatagramTruncated(h *harness) {
	h = h.reopen(&buffers.Config{BlockSizes: []int{2048}}, withRecvSize(2048))
	s, addr := h.udp()
	c, got := h.recvPackets(s)
	p := h.udpPeer()
	for i, n := range []int{5000, 100, 2049, 1500} {
		_, err := p.WriteTo(data(0, n), addr)
		require.NoError(h.t, err)
		h.until("a datagram", func() bool { return len(*got) > i || c.final })
		require.NoError(h.t, c.err)
		g := (*got)[i]
		require.Equal(h.t, n > 2048, g.cut, "%d bytes, %d received", n, len(g.data))
		require.NotEmpty(h.t, g.data)
		require.True(h.t, g.cut || len(g.data) == n)
		require.NoError(h.t, (&stream{}).verify(g.data))
	}
}

// testDatagramBurst: what is sent in one turn goes out in order for each peer, and one
// datagram that can not costs the others nothing.
func testDatagramBurst(h *harness) {
	const peers, each = 5, 30 // what a queue of default size holds
	s, _ := h.udp()
	var all []*net.UDPConn
	for range peers {
		all = append(all, h.udpPeer())
	}
	var calls, bad []*call
	for i := range each {
		for k, p := range all {
			calls = append(calls, h.sendTo(s, p.LocalAddr(), []byte{byte(k)}, data(int64(i), 100*k+i)))
		}
		switch i % 10 {
		case 3:
			bad = append(bad, h.sendTo(s, &net.UDPAddr{IP: net.IPv6loopback, Port: 9}, []byte("no way")))
		case 7:
			bad = append(bad, h.sendTo(s, all[0].LocalAddr(), data(0, 70_000)))
		}
	}
	for _, c := range calls {
		require.NoError(h.t, c.wait().err)
	}
	for _, c := range bad {
		require.Error(h.t, c.wait().err)
	}
	buf := make([]byte, 70_000)
	for k, p := range all {
		for i := range each {
			n, err := p.Read(buf)
			require.NoError(h.t, err)
			require.Equal(h.t, append([]byte{byte(k)}, data(int64(i), 100*k+i)...), buf[:n])
		}
	}
}

// testDatagramReply answers many peers from inside Complete.
func testDatagramReply(h *harness) {
	s, addr := h.udp()
	c := h.call(driver.RecvFrom, s)
	c.expect = func(r *driver.Result) {
		if r.Err == nil {
			h.sendTo(s, r.Msg.Remote, append([]byte("re: "), r.Chunk.Bytes()...))
		}
	}
	c.submit()
	var tasks []*task
	for i := range 10 {
		p := h.udpPeer()
		tasks = append(tasks, h.spawn("peer", func() error {
			for n := range 20 {
				ask := fmt.Sprintf("%d of %d", n, i)
				if _, err := p.WriteTo([]byte(ask), addr); err != nil {
					return err
				}
				buf := make([]byte, 100)
				m, _, err := p.ReadFrom(buf)
				if err != nil {
					return err
				}
				if got := string(buf[:m]); got != "re: "+ask {
					return fmt.Errorf("got %q for %q", got, ask)
				}
			}
			return nil
		}))
	}
	h.join(tasks...)
}

func testDatagramConnected(h *harness) {
	p := h.udpPeer()
	s := h.connect(p.LocalAddr()).wait().socket()
	require.Equal(h.t, p.LocalAddr().String(), h.RemoteAddr(s).String())
	_, got := h.recvPackets(s)
	require.NoError(h.t, h.sendTo(s, nil, data(0, 100)).wait().err)
	buf := make([]byte, 1000)
	n, from, err := p.ReadFrom(buf)
	require.NoError(h.t, err)
	require.Equal(h.t, 100, n)
	require.Equal(h.t, h.LocalAddr(s).String(), from.String())
	_, err = p.WriteTo(data(0, 50), from)
	require.NoError(h.t, err)
	h.until("a datagram", func() bool { return len(*got) > 0 })
	require.Equal(h.t, data(0, 50), (*got)[0].data)
}

func testDatagramTooLong(h *harness) {
	s, addr := h.udp()
	c := h.sendTo(s, addr, make([]byte, 70_000)).wait()
	require.Error(h.t, c.err)
	if goruntime.GOOS == "linux" {
		require.Equal(h.t, syscall.EMSGSIZE, c.err)
	}
	require.Zero(h.t, c.n)
	require.NoError(h.t, h.sendTo(s, addr, data(0, 10)).wait().err, "the socket is whole")
}

func testDatagramCancel(h *harness) {
	s, addr := h.udp()
	c, got := h.recvPackets(s)
	h.settle()
	require.Equal(h.t, driver.ErrCanceled, c.cancel().err)
	h.sendTo(s, addr, data(0, 10)).wait()
	c.submit()
	h.until("a datagram", func() bool { return len(*got) > 0 || c.final })
	require.NoError(h.t, c.err)
	h.close(s)
	require.Equal(h.t, driver.ErrCanceled, c.err)
	require.Len(h.t, *got, 1)
}

func testDatagramUnix(h *harness) {
	if goruntime.GOOS == "windows" {
		h.t.Skip("no unixgram")
	}
	var socks []driver.Socket
	var addrs []net.Addr
	for range 2 {
		addr := &net.UnixAddr{Name: socketPath(h.t), Net: "unixgram"}
		s, err := h.Listen("unixgram", addr, &driver.ListenConfig{})
		require.NoError(h.t, err)
		socks, addrs = append(socks, s), append(addrs, h.LocalAddr(s))
	}
	c, got := h.recvPackets(socks[1])
	for i, n := range []int{10, 0, 5000, 1} {
		require.NoError(h.t, h.sendTo(socks[0], addrs[1], data(0, n)).wait().err)
		h.until("a datagram", func() bool { return len(*got) > i || c.final })
		require.NoError(h.t, c.err)
		require.Len(h.t, (*got)[i].data, n)
		require.Equal(h.t, addrs[0].String(), (*got)[i].from)
	}
}
