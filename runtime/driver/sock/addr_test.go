//go:build linux

package sock

import (
	"net"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestEncodeDecode(t *testing.T) {
	lo, err := net.InterfaceByName("lo")
	require.NoError(t, err)
	for _, tt := range []struct {
		network string
		addr    net.Addr
		family  int
		size    uint32
		want    net.Addr // nil for addr itself
	}{
		{"tcp", tcp("127.0.0.1:80"), unix.AF_INET, 16, nil},
		{"tcp4", tcp("192.0.2.1:65535"), unix.AF_INET, 16, nil},
		{"tcp6", tcp("127.0.0.1:80"), unix.AF_INET6, 28, tcp("127.0.0.1:80")}, // v4-mapped
		{"tcp", tcp("[::1]:1"), unix.AF_INET6, 28, nil},
		{"tcp", &net.TCPAddr{Port: 7}, unix.AF_INET, 16, tcp("0.0.0.0:7")},
		{"tcp6", &net.TCPAddr{Port: 7}, unix.AF_INET6, 28, tcp("[::]:7")},
		{"tcp6", tcp("0.0.0.0:7"), unix.AF_INET6, 28, tcp("[::]:7")},
		{"tcp", &net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 2, Zone: "lo"}, unix.AF_INET6, 28, nil},
		{"tcp", &net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 2, Zone: "4000000"}, unix.AF_INET6, 28, nil},
		{"udp", udp("10.1.2.3:53"), unix.AF_INET, 16, nil},
		{"udp6", udp("[2001:db8::5]:53"), unix.AF_INET6, 28, nil},
		{"unix", &net.UnixAddr{Name: "/run/x", Net: "unix"}, unix.AF_UNIX, 2 + 6 + 1, nil},
		{"unix", &net.UnixAddr{Name: strings.Repeat("x", 107), Net: "unix"}, unix.AF_UNIX, 110, nil},
		{"unixpacket", &net.UnixAddr{Name: "@abc", Net: "unixpacket"}, unix.AF_UNIX, 2 + 4, nil},
		{"unix", &net.UnixAddr{Name: "@a\x00b", Net: "unix"}, unix.AF_UNIX, 2 + 4, nil},
		{"unix", &net.UnixAddr{Name: "\x00abc", Net: "unix"}, unix.AF_UNIX, 2 + 4,
			&net.UnixAddr{Name: "@abc", Net: "unix"}},
		{"unix", &net.UnixAddr{Name: "@" + strings.Repeat("x", 107), Net: "unix"}, unix.AF_UNIX, 110, nil},
		{"unixgram", &net.UnixAddr{Net: "unixgram"}, unix.AF_UNIX, 2, nil},
	} {
		t.Run(tt.network+" "+tt.addr.String(), func(t *testing.T) {
			sa, err := Encode(tt.network, tt.addr)
			require.NoError(t, err)
			require.Equal(t, tt.family, sa.Family())
			require.Equal(t, tt.size, sa.Len())
			require.NotNil(t, sa.Pointer())
			want := tt.want
			if want == nil {
				want = tt.addr
			}
			got := sa.Addr(tt.network)
			require.IsType(t, want, got)
			require.Equal(t, want.String(), got.String())
			require.Equal(t, want.Network(), got.Network())
			var buf AddrBuf
			require.Equal(t, got.String(), buf.Decode(tt.network, &sa.raw, sa.len).String())
		})
	}
	sa, err := Encode("tcp", &net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "lo"})
	require.NoError(t, err)
	require.EqualValues(t, lo.Index, (*unix.RawSockaddrInet6)(sa.Pointer()).Scope_id)
}

func TestEncodeErrors(t *testing.T) {
	for _, tt := range []struct {
		name    string
		network string
		addr    net.Addr
		want    error
	}{
		{"nil", "tcp", nil, unix.EDESTADDRREQ},
		{"nil inside", "tcp", (*net.TCPAddr)(nil), unix.EDESTADDRREQ},
		{"nil udp", "udp", (*net.UDPAddr)(nil), unix.EDESTADDRREQ},
		{"nil unix", "unix", (*net.UnixAddr)(nil), unix.EDESTADDRREQ},
		{"stranger", "tcp", &net.IPAddr{}, unix.EAFNOSUPPORT},
		{"unix on tcp", "tcp", &net.UnixAddr{Name: "x"}, unix.EAFNOSUPPORT},
		{"tcp on unix", "unix", &net.TCPAddr{}, unix.EAFNOSUPPORT},
		{"IPv6 on tcp4", "tcp4", tcp("[::1]:1"), unix.EAFNOSUPPORT},
		{"short IP", "tcp6", &net.TCPAddr{IP: net.IP{1, 2, 3}}, unix.EINVAL},
		{"port", "tcp", &net.TCPAddr{Port: 65536}, unix.EINVAL},
		{"negative port", "tcp", &net.TCPAddr{Port: -1}, unix.EINVAL},
		{"zone", "tcp", &net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "nosuch0"}, unix.ENODEV},
		{"long path", "unix", &net.UnixAddr{Name: strings.Repeat("x", 108)}, unix.EINVAL},
		{"long abstract", "unix", &net.UnixAddr{Name: "@" + strings.Repeat("x", 108)}, unix.EINVAL},
		{"NUL in path", "unix", &net.UnixAddr{Name: "a\x00b"}, unix.EINVAL},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sa, err := Encode(tt.network, tt.addr)
			require.Equal(t, tt.want, err)
			require.Nil(t, sa.Pointer())
			require.Zero(t, sa.Len())
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	sa, err := Encode("tcp", tcp("127.0.0.1:1"))
	require.NoError(t, err)
	var buf AddrBuf
	for _, n := range []uint32{0, 1, 15, unix.SizeofSockaddrAny + 1} {
		require.Nil(t, Decode("tcp", &sa.raw, n))
		require.Nil(t, buf.Decode("udp", &sa.raw, n))
	}
	require.Nil(t, Decode("tcp", nil, 16))
	require.Nil(t, buf.Decode("udp", nil, 16))
	require.Nil(t, Decode("unix", &sa.raw, sa.len))
	require.Nil(t, buf.Decode("unixgram", &sa.raw, sa.len))
	require.Nil(t, Decode("ip", &sa.raw, sa.len))
}

// TestPathFillsArray: the kernel may leave no room for the NUL.
func TestPathFillsArray(t *testing.T) {
	var raw unix.RawSockaddrAny
	p := (*unix.RawSockaddrUnix)(unsafe.Pointer(&raw))
	p.Family = unix.AF_UNIX
	for i := range p.Path {
		p.Path[i] = 'x'
	}
	require.Equal(t, strings.Repeat("x", 108), Decode("unix", &raw, unix.SizeofSockaddrUnix).String())
	require.Equal(t, "xx", Decode("unix", &raw, 4).String())
}

func TestAddrBufDoesNotAllocate(t *testing.T) {
	var sa Sockaddr
	var buf AddrBuf
	addr := udp("[2001:db8::1]:53")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if sa.Set(unix.AF_INET6, addr) != nil || buf.Decode("udp", &sa.raw, sa.len) == nil {
			panic("address is lost")
		}
	}))
}

func FuzzDecode(f *testing.F) {
	all := []string{"tcp", "tcp4", "tcp6", "udp", "udp4", "udp6", "unix", "unixpacket", "unixgram", "", "ip"}
	for i, a := range []net.Addr{
		tcp("127.0.0.1:80"), tcp("[::1]:80"), &net.UnixAddr{Name: "@x"}, &net.UnixAddr{Name: "/x"},
	} {
		sa, err := Encode([]string{"tcp", "tcp", "unix", "unix"}[i], a)
		require.NoError(f, err)
		f.Add(unsafe.Slice((*byte)(sa.Pointer()), sa.Len()), uint32(sa.Len()), uint8(i*2))
	}
	f.Fuzz(func(t *testing.T, raw []byte, n uint32, which uint8) {
		network := all[int(which)%len(all)]
		var sa unix.RawSockaddrAny
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&sa)), unsafe.Sizeof(sa)), raw)
		addr := Decode(network, &sa, n)
		var buf AddrBuf
		if again := buf.Decode(network, &sa, n); addr == nil {
			require.Nil(t, again)
			return
		} else {
			require.Equal(t, addr.String(), again.String())
		}
		// What was decoded encodes to what decodes to the same.
		enc, err := Encode(network, addr)
		if err == unix.EAFNOSUPPORT || err == unix.EINVAL {
			return // IPv6 on an IPv4 network; a path without NUL
		}
		require.NoError(t, err)
		again := enc.Addr(network)
		if ep, _ := endpointOf(addr); ep.any() && ep.kind == kindInet {
			ep, _ = endpointOf(again) // any is any, in whichever family
			require.True(t, ep.any())
			return
		}
		require.Equal(t, addr, again)
	})
}

func FuzzUnixName(f *testing.F) {
	for _, name := range []string{"", "@", "@x", "/x", "\x00x", "a\x00", strings.Repeat("x", 108)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		sa, err := Encode("unix", &net.UnixAddr{Name: name, Net: "unix"})
		if err != nil {
			require.Equal(t, unix.EINVAL, err)
			return
		}
		if name != "" && name[0] == 0 {
			name = "@" + name[1:]
		}
		require.Equal(t, &net.UnixAddr{Name: name, Net: "unix"}, sa.Addr("unix"))
	})
}

func tcp(s string) *net.TCPAddr {
	a, err := net.ResolveTCPAddr("tcp", s)
	if err != nil {
		panic(err)
	}
	return a
}

func udp(s string) *net.UDPAddr {
	a, err := net.ResolveUDPAddr("udp", s)
	if err != nil {
		panic(err)
	}
	return a
}
