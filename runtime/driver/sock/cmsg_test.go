//go:build linux

package sock

import (
	"net"
	"net/netip"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
)

func TestParseControl(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")
	gro, data := appendCmsg(nil, unix.SOL_UDP, unix.UDP_GRO, 4)
	copy(data, unsafe.Slice((*byte)(unsafe.Pointer(&[]int32{1400}[0])), 4))
	pktinfo4, data := appendCmsg(nil, unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
	data[8], data[9], data[10], data[11] = 192, 0, 2, 7 // where the header said
	tos, data := appendCmsg(nil, unix.IPPROTO_IP, unix.IP_TOS, 1)
	data[0] = 3
	for _, tt := range []struct {
		name string
		oob  []byte
		want ControlInfo
	}{
		{"nothing", nil, ControlInfo{}},
		{"pktinfo", pktinfo4, ControlInfo{Local: v4}},
		{"pktinfo6", AppendPacketInfo(nil, v6, 9), ControlInfo{Local: v6, IfIndex: 9}},
		{"mapped", AppendPacketInfo(nil, netip.MustParseAddr("::ffff:192.0.2.7"), 3), ControlInfo{
			Local: netip.MustParseAddr("0.0.0.0"), IfIndex: 3}}, // for sending: spec_dst only
		{"tos", tos, ControlInfo{TOS: 3, HasTOS: true}},
		{"tos as int", AppendTOS(nil, false, 0xfe), ControlInfo{TOS: 0xfe, HasTOS: true}},
		{"ttl", AppendTTL(nil, true, 64), ControlInfo{TTL: 64, HasTTL: true}},
		{"hop limit", AppendTTL(nil, false, 1), ControlInfo{TTL: 1, HasTTL: true}},
		{"gro", gro, ControlInfo{Segment: 1400}},
		{"two", AppendTTL(AppendTOS(nil, false, 1), false, 2), ControlInfo{
			TOS: 1, HasTOS: true, TTL: 2, HasTTL: true}},
		{"unknown first", append(AppendSegment(nil, 7), gro...), ControlInfo{Segment: 1400}},
		{"cut", gro[:len(gro)-5], ControlInfo{}},
		{"second cut", append(AppendTTL(nil, true, 5), gro[:10]...), ControlInfo{TTL: 5, HasTTL: true}},
		{"zero length header", make([]byte, 64), ControlInfo{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, ParseControl(tt.oob))
			require.Equal(t, tt.want.Segment, Segment(tt.oob))
		})
	}
}

// TestControlAgainstStdlib builds what x/sys parses.
func TestControlAgainstStdlib(t *testing.T) {
	oob := AppendSegment(nil, 1234)
	oob = AppendPacketInfo(oob, netip.MustParseAddr("127.0.0.1"), 2)
	oob = AppendTOS(oob, true, 7)
	all, err := unix.ParseSocketControlMessage(oob)
	require.NoError(t, err)
	require.Len(t, all, 3)
	require.EqualValues(t, unix.SOL_UDP, all[0].Header.Level)
	require.EqualValues(t, unix.UDP_SEGMENT, all[0].Header.Type)
	require.EqualValues(t, 1234, *(*uint16)(unsafe.Pointer(&all[0].Data[0])))
	require.EqualValues(t, unix.IP_PKTINFO, all[1].Header.Type)
	info := (*unix.Inet4Pktinfo)(unsafe.Pointer(&all[1].Data[0]))
	require.Equal(t, [4]byte{127, 0, 0, 1}, info.Spec_dst)
	require.EqualValues(t, 2, info.Ifindex)
	require.EqualValues(t, unix.IP_TOS, all[2].Header.Type)
}

// TestControlFromKernel sends with every message and receives with every option,
// over both families of one socket.
func TestControlFromKernel(t *testing.T) {
	cfg := &driver.ListenConfig{PacketInfo: true, TOS: true, TTL: true}
	fd := listen(t, "udp", nil, cfg, false)
	port := LocalAddr(fd).(*net.UDPAddr).Port
	for _, ip := range []string{"127.0.0.1", "::1"} {
		t.Run(ip, func(t *testing.T) {
			local := netip.MustParseAddr(ip)
			oob := AppendTOS(nil, local.Is4(), 0x2e)
			oob = AppendTTL(oob, local.Is4(), 33)
			oob = AppendPacketInfo(oob, local, 0)
			peer, err := net.ListenPacket("udp", net.JoinHostPort(ip, "0"))
			require.NoError(t, err)
			defer peer.Close()
			_, _, err = peer.(*net.UDPConn).WriteMsgUDP([]byte("x"), oob,
				&net.UDPAddr{IP: net.ParseIP(ip), Port: port})
			require.NoError(t, err)
			p, in := make([]byte, 10), make([]byte, ControlSpace)
			n, inN, _, _, err := unix.Recvmsg(fd, p, in, 0)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			lo, err := net.InterfaceByName("lo")
			require.NoError(t, err)
			require.Equal(t, ControlInfo{
				Local: local, IfIndex: lo.Index, TOS: 0x2e, HasTOS: true, TTL: 33, HasTTL: true,
			}, ParseControl(in[:inN]))
		})
	}
}

func TestControlDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, ControlSpace)
	local := netip.MustParseAddr("::1")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		b := AppendTTL(AppendTOS(AppendSegment(buf, 1), true, 2), false, 3)
		b = AppendPacketInfo(b, local, 1)
		if info := ParseControl(b); info.TTL != 3 {
			panic("TTL is lost")
		}
	}))
}

func FuzzParseControl(f *testing.F) {
	f.Add([]byte{})
	f.Add(AppendSegment(AppendTTL(nil, true, 3), 4))
	f.Add(AppendPacketInfo(AppendPacketInfo(nil, netip.IPv6Loopback(), 1), netip.Addr{}, 2)[:70])
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, oob []byte) {
		info := ParseControl(oob)
		require.False(t, info.Local.Is4In6())
		require.Equal(t, info.Segment, Segment(oob))
		// What stands before unknown bytes is not changed by them.
		whole := AppendTTL(nil, true, 77)
		if got := ParseControl(append(whole, oob...)); !info.HasTTL {
			require.True(t, got.HasTTL)
			require.EqualValues(t, 77, got.TTL)
		}
	})
}
