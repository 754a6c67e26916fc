//go:build linux

package runtime_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime"
)

func setNoCheck(fd uintptr, option int) error {
	return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, option, 1)
}

// TestPacketInfo: control messages come and go, for both families.
func TestPacketInfo(t *testing.T) {
	for _, tt := range []struct{ network, address, peer, local string }{
		{"udp4", "0.0.0.0:0", "127.0.0.1:0", "127.0.0.5"},
		{"udp", ":0", "127.0.0.1:0", "127.0.0.5"}, // an IPv4 peer of a socket for both
		{"udp6", "[::]:0", "[::1]:0", "::1"},
	} {
		t.Run(tt.network, func(t *testing.T) {
			packetAddress(t, "udp6")
			rt := newRuntime(t, nil)
			infos := make(chan runtime.PacketInfo, 1)
			cfg := &runtime.PacketConfig{PacketInfo: true, TOS: true, TTL: true}
			ln, err := rt.ListenPacketWith(context.Background(), cfg, tt.network, tt.address,
				packets(&packetFunc{datagram: func(c *runtime.PacketConn, d *runtime.Datagram) {
					i := d.Info()
					infos <- i
					i.TOS, i.TTL = 0x03, 17
					_ = c.WriteMsg(d.Bytes(), d.From, i.Append(nil, d.From))
				}}))
			require.NoError(t, err)
			defer ln.Close()
			back := make(chan runtime.PacketInfo, 1)
			peer := cfg
			p, err := rt.ListenPacketWith(context.Background(), peer, "udp", tt.peer,
				packets(&packetFunc{datagram: func(_ *runtime.PacketConn, d *runtime.Datagram) {
					if d.From.Addr() != netip.MustParseAddr(tt.local) {
						t.Error("answered from", d.From)
					}
					back <- d.Info()
				}}))
			require.NoError(t, err)
			defer p.Close()
			c := p.Conns()[0]
			port := ln.Addr().(*net.UDPAddr).AddrPort().Port()
			to := runtime.PacketAddr{AddrPort: netip.AddrPortFrom(netip.MustParseAddr(tt.local), port)}
			out := runtime.PacketInfo{TOS: 0x02, HasTOS: true, TTL: 33, HasTTL: true}
			require.NoError(t, c.Loop().Call(func() { _ = c.WriteMsg([]byte("x"), to, out.Append(nil, to)) }))
			got := <-infos
			require.Equal(t, netip.MustParseAddr(tt.local), got.Local)
			require.NotZero(t, got.Interface)
			require.True(t, got.HasTOS && got.HasTTL)
			require.EqualValues(t, 0x02, got.TOS)
			require.EqualValues(t, 33, got.TTL)
			got = <-back
			require.EqualValues(t, 0x03, got.TOS)
			require.EqualValues(t, 17, got.TTL)
		})
	}
}

func TestPacketMulticast(t *testing.T) {
	lo, err := net.InterfaceByName("lo")
	require.NoError(t, err)
	group := net.IPv4(239, 77, 1, 2)
	rt := newRuntime(t, nil)
	got := make(chan string, 1)
	ln, err := rt.ListenPacket(context.Background(), "udp4", net.JoinHostPort(group.String(), "0"),
		packets(&packetFunc{datagram: func(_ *runtime.PacketConn, d *runtime.Datagram) { got <- string(d.Bytes()) }}))
	require.NoError(t, err)
	defer ln.Close()
	require.Len(t, ln.Conns(), 1)
	c := ln.Conns()[0]
	require.NoError(t, c.Loop().Call(func() { err = c.JoinGroup(lo, group) }))
	require.NoError(t, err)

	p := packetPeer(t, "udp4").(*net.UDPConn)
	raw, err := p.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		err = unix.SetsockoptIPMreqn(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_IF,
			&unix.IPMreqn{Ifindex: int32(lo.Index)})
	}))
	require.NoError(t, err)
	to := &net.UDPAddr{IP: group, Port: ln.Addr().(*net.UDPAddr).Port}
	if _, err := p.WriteTo([]byte("to all"), to); err != nil {
		t.Skip("no multicast on loopback here:", err)
	}
	require.Equal(t, "to all", <-got)

	require.NoError(t, c.Loop().Call(func() { err = c.LeaveGroup(lo, group) }))
	require.NoError(t, err)
	_, err = p.WriteTo([]byte("to nobody"), to)
	require.NoError(t, err)
	_, err = p.WriteTo([]byte("to one"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: to.Port})
	require.NoError(t, err)
	require.Equal(t, "to one", <-got)
	require.NoError(t, c.Loop().Call(func() { err = c.JoinGroup(lo, net.IPv4(10, 0, 0, 1)) }))
	require.ErrorIs(t, err, unix.EINVAL)
}

// TestPacketKernelDrops: what the kernel drops before we can receive it is counted.
func TestPacketKernelDrops(t *testing.T) {
	const sent = 500
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	var received int
	h := &packetFunc{datagram: func(*runtime.PacketConn, *runtime.Datagram) { received++ }}
	ln := listenPacket(t, rt, &runtime.PacketConfig{ReadBuffer: 4 << 10}, "udp4",
		func(c *runtime.PacketConn) runtime.PacketHandler { c.Pause(); return h })
	c := ln.Conns()[0]
	p := packetPeer(t, "udp4")
	require.NoError(t, c.Loop().Call(func() {}))
	for range sent {
		_, err := p.WriteTo(make([]byte, 500), ln.Addr())
		require.NoError(t, err)
	}
	require.NoError(t, c.Loop().Call(c.Resume))
	require.Eventually(t, func() bool {
		s := ln.Stats()
		return s.KernelDrops > 0 && s.Received > 0 && s.Received+s.KernelDrops == sent
	}, watchdog, time.Millisecond)
	require.NoError(t, ln.Close())
	require.EqualValues(t, sent, ln.Stats().Received+ln.Stats().KernelDrops)
	require.Positive(t, received)
}

// TestPacketMulticast6 is TestPacketMulticast for IPv6, within the loopback interface.
func TestPacketMulticast6(t *testing.T) {
	packetAddress(t, "udp6")
	lo, err := net.InterfaceByName("lo")
	require.NoError(t, err)
	group := net.ParseIP("ff01::7701") // interface-local
	rt := newRuntime(t, nil)
	got := make(chan string, 1)
	ln, err := rt.ListenPacketWith(context.Background(), &runtime.PacketConfig{OneSocket: true}, "udp6", "[::]:0",
		packets(&packetFunc{datagram: func(_ *runtime.PacketConn, d *runtime.Datagram) { got <- string(d.Bytes()) }}))
	require.NoError(t, err)
	defer ln.Close()
	c := ln.Conns()[0]
	require.NoError(t, c.Loop().Call(func() { err = c.JoinGroup(lo, group) }))
	require.NoError(t, err)
	p := packetPeer(t, "udp6")
	to := &net.UDPAddr{IP: group, Port: ln.Addr().(*net.UDPAddr).Port, Zone: "lo"}
	if _, err := p.WriteTo([]byte("to all"), to); err != nil {
		t.Skip("no multicast on loopback here:", err)
	}
	require.Equal(t, "to all", <-got)

	require.NoError(t, c.Loop().Call(func() { err = c.LeaveGroup(lo, group) }))
	require.NoError(t, err)
	_, err = p.WriteTo([]byte("to nobody"), to)
	require.NoError(t, err)
	_, err = p.WriteTo([]byte("to one"), &net.UDPAddr{IP: net.IPv6loopback, Port: to.Port})
	require.NoError(t, err)
	require.Equal(t, "to one", <-got)
	require.NoError(t, c.Loop().Call(func() { err = c.JoinGroup(lo, net.IPv6loopback) }))
	require.Error(t, err)
}

// TestPacketControlCut: control messages for which there is no room are told, and the next datagram's are its own.
func TestPacketControlCut(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	if rt.Backend() == runtime.Portable {
		t.Skip("that engine has room for none")
	}
	type seen struct {
		cut bool
		ttl uint8
	}
	got := make(chan seen, 10)
	ln := listenPacket(t, rt, &runtime.PacketConfig{PacketInfo: true, TTL: true}, "udp4",
		packets(&packetFunc{datagram: func(_ *runtime.PacketConn, d *runtime.Datagram) {
			got <- seen{d.OOBCut, d.Info().TTL}
		}}))
	c := ln.Conns()[0]
	p := packetPeer(t, "udp4")
	ask := func() seen {
		_, err := p.WriteTo([]byte("x"), ln.Addr())
		require.NoError(t, err)
		return <-got
	}
	require.Equal(t, seen{false, 64}, ask())
	set := func(value int) {
		var err error
		require.NoError(t, c.Loop().Call(func() {
			failed := c.Control(func(fd uintptr) {
				for _, o := range [][2]int{
					{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW}, {unix.SOL_SOCKET, unix.SO_RXQ_OVFL},
					{unix.IPPROTO_IP, unix.IP_RECVORIGDSTADDR}, {unix.IPPROTO_IP, unix.IP_RECVTOS},
					{unix.IPPROTO_IP, unix.IP_RECVOPTS}, {unix.IPPROTO_IP, unix.IP_RETOPTS},
					{unix.IPPROTO_IP, unix.IP_CHECKSUM}, {unix.SOL_SOCKET, unix.SO_TIMESTAMPING},
				} {
					if err == nil {
						v := value
						if o[1] == unix.SO_TIMESTAMPING {
							v *= unix.SOF_TIMESTAMPING_RX_SOFTWARE | unix.SOF_TIMESTAMPING_SOFTWARE
						}
						err = unix.SetsockoptInt(int(fd), o[0], o[1], v)
					}
				}
			})
			require.NoError(t, failed)
		}))
		require.NoError(t, err)
	}
	raw, err := p.(*net.UDPConn).SyscallConn()
	require.NoError(t, err)
	options := make([]byte, 40) // of IP: as many as a header holds, which come twice
	for i := range options {
		options[i] = 1 // no operation
	}
	require.NoError(t, raw.Control(func(fd uintptr) {
		err = unix.SetsockoptString(int(fd), unix.IPPROTO_IP, unix.IP_OPTIONS, string(options))
	}))
	require.NoError(t, err)
	set(1)
	require.True(t, ask().cut)
	set(0)
	require.Equal(t, seen{false, 64}, ask())
}
