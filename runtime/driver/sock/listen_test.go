//go:build linux

package sock

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
)

func listen(t *testing.T, network string, addr net.Addr, cfg *driver.ListenConfig, nonblock bool) int {
	t.Helper()
	fd, err := Listen(network, addr, cfg, nonblock)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func option(t *testing.T, fd, level, opt int) int {
	t.Helper()
	v, err := unix.GetsockoptInt(fd, level, opt)
	require.NoError(t, err)
	return v
}

func TestListen(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		network string
		addr    net.Addr
		kind    string // what Network says
		family  int
		v6only  int // -1 for what the kernel likes
	}{
		{"tcp", nil, "tcp", unix.AF_INET6, 0},
		{"tcp", (*net.TCPAddr)(nil), "tcp", unix.AF_INET6, 0},
		{"tcp", tcp("0.0.0.0:0"), "tcp", unix.AF_INET6, 0},
		{"tcp", tcp("[::]:0"), "tcp", unix.AF_INET6, 0},
		{"tcp", tcp("127.0.0.1:0"), "tcp", unix.AF_INET, -1},
		{"tcp", tcp("[::1]:0"), "tcp", unix.AF_INET6, -1},
		{"tcp4", nil, "tcp", unix.AF_INET, -1},
		{"tcp6", nil, "tcp", unix.AF_INET6, 1},
		{"udp", nil, "udp", unix.AF_INET6, 0},
		{"udp4", udp("127.0.0.1:0"), "udp", unix.AF_INET, -1},
		{"udp6", nil, "udp", unix.AF_INET6, 1},
		{"unix", &net.UnixAddr{Name: filepath.Join(dir, "a")}, "unix", unix.AF_UNIX, -1},
		{"unixpacket", &net.UnixAddr{Name: filepath.Join(dir, "b")}, "unixpacket", unix.AF_UNIX, -1},
		{"unixgram", &net.UnixAddr{Name: filepath.Join(dir, "c")}, "unixgram", unix.AF_UNIX, -1},
		{"unix", nil, "unix", unix.AF_UNIX, -1}, // a name of the kernel's choice
	} {
		t.Run(tt.network, func(t *testing.T) {
			fd := listen(t, tt.network, tt.addr, nil, true)
			require.Equal(t, tt.kind, Network(fd))
			require.Equal(t, tt.family, Family(fd))
			if tt.v6only >= 0 {
				require.Equal(t, tt.v6only, option(t, fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY))
			}
			if tt.kind == "tcp" {
				require.Equal(t, unix.IPPROTO_TCP, option(t, fd, unix.SOL_SOCKET, unix.SO_PROTOCOL))
				require.Equal(t, 1, option(t, fd, unix.SOL_SOCKET, unix.SO_REUSEADDR))
			}
			datagrams := tt.kind == "udp" || tt.kind == "unixgram"
			require.Equal(t, !datagrams, IsListener(fd))
			addr := LocalAddr(fd)
			require.NotNil(t, addr)
			require.NotEmpty(t, addr.String())
			require.Nil(t, RemoteAddr(fd))
			mode, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
			require.NoError(t, err)
			require.NotZero(t, mode&unix.O_NONBLOCK)
			cloexec, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			require.NoError(t, err)
			require.NotZero(t, cloexec&unix.FD_CLOEXEC)
		})
	}
}

func TestListenBothFamilies(t *testing.T) {
	fd := listen(t, "tcp", nil, nil, false)
	_, port, err := net.SplitHostPort(LocalAddr(fd).String())
	require.NoError(t, err)
	for _, ip := range []string{"127.0.0.1", "::1"} {
		c, err := net.Dial("tcp", net.JoinHostPort(ip, port))
		require.NoError(t, err)
		defer c.Close()
		nfd, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
		require.NoError(t, err)
		defer unix.Close(nfd)
		require.Equal(t, c.LocalAddr().String(), RemoteAddr(nfd).String())
		require.Equal(t, c.RemoteAddr().String(), LocalAddr(nfd).String())
		require.Equal(t, 1, option(t, nfd, unix.IPPROTO_TCP, unix.TCP_NODELAY))
	}
}

func TestListenErrors(t *testing.T) {
	live := listen(t, "tcp", tcp("127.0.0.1:0"), nil, false)
	path := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"}
	listen(t, "unix", path, nil, false)
	for _, tt := range []struct {
		name    string
		network string
		addr    net.Addr
		call    string
		want    error
	}{
		{"in use", "tcp", LocalAddr(live), "bind", unix.EADDRINUSE},
		{"unix in use", "unix", path, "bind", unix.EADDRINUSE},
		{"not ours", "tcp", tcp("192.0.2.1:1"), "bind", unix.EADDRNOTAVAIL},
		{"wrong kind", "unix", tcp("127.0.0.1:0"), "bind", unix.EAFNOSUPPORT},
		{"wrong kind too", "tcp", path, "bind", unix.EAFNOSUPPORT},
		{"stranger", "tcp", &net.IPAddr{}, "bind", unix.EAFNOSUPPORT},
		{"wrong family", "tcp4", tcp("[::1]:0"), "bind", unix.EAFNOSUPPORT},
		{"port", "tcp", &net.TCPAddr{Port: 1 << 16}, "bind", unix.EINVAL},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := descriptors(t)
			_, err := Listen(tt.network, tt.addr, nil, true)
			require.ErrorIs(t, err, tt.want)
			var call *os.SyscallError
			require.ErrorAs(t, err, &call)
			require.Equal(t, tt.call, call.Syscall)
			require.Equal(t, before, descriptors(t))
		})
	}
	_, err := Listen("ip", nil, nil, true)
	require.Equal(t, net.UnknownNetworkError("ip"), err)
	_, err = Listen("", nil, nil, true)
	require.Equal(t, net.UnknownNetworkError(""), err)
}

func TestListenConfig(t *testing.T) {
	t.Run("reuse port", func(t *testing.T) {
		cfg := &driver.ListenConfig{ReusePort: true}
		first := listen(t, "tcp", tcp("127.0.0.1:0"), cfg, true)
		second := listen(t, "tcp", LocalAddr(first), cfg, true)
		require.Equal(t, LocalAddr(first), LocalAddr(second))
	})
	t.Run("control comes before bind", func(t *testing.T) {
		var seen net.Addr
		fd := listen(t, "tcp4", nil, &driver.ListenConfig{Control: func(fd uintptr) error {
			seen = LocalAddr(int(fd))
			return nil
		}}, true)
		require.Equal(t, "0.0.0.0:0", seen.String())
		require.NotEqual(t, seen.String(), LocalAddr(fd).String())
	})
	t.Run("control fails", func(t *testing.T) {
		before := descriptors(t)
		no := errors.New("no")
		_, err := Listen("tcp", nil, &driver.ListenConfig{Control: func(uintptr) error { return no }}, true)
		require.Equal(t, no, err)
		require.Equal(t, before, descriptors(t))
	})
	t.Run("GRO", func(t *testing.T) {
		fd := listen(t, "udp", nil, &driver.ListenConfig{GRO: true}, true)
		if v, err := unix.GetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO); err == nil {
			require.Equal(t, 1, v)
		}
	})
}

func TestUnixPathStays(t *testing.T) {
	addr := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"}
	fd, err := Listen("unix", addr, nil, true)
	require.NoError(t, err)
	require.NoError(t, unix.Close(fd))
	require.FileExists(t, addr.Name)
	_, err = Listen("unix", addr, nil, true)
	require.ErrorIs(t, err, unix.EADDRINUSE)
}

// descriptors counts the open ones.
func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(all)
}

// TestListenAnyPortIsOurs: the kernel's choice of a port for datagrams is nobody else's,
// though others may join it.
func TestListenAnyPortIsOurs(t *testing.T) {
	const ports, ipLocalPortRange = 4, 51 // IP_LOCAL_PORT_RANGE, since Linux 6.3
	first := 40_000 + os.Getpid()%10_000  // within the range of the system
	cfg := &driver.ListenConfig{ReusePort: true, Control: func(fd uintptr) error {
		return unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, ipLocalPortRange, (first+ports-1)<<16|first)
	}}
	loopback := net.IPv4(127, 0, 0, 1)
	var all []int
	for range ports + 1 {
		fd, err := Listen("udp4", &net.UDPAddr{IP: loopback}, cfg, true)
		if errors.Is(err, unix.ENOPROTOOPT) {
			t.Skip("the kernel knows no IP_LOCAL_PORT_RANGE")
		}
		if err != nil { // as many as there are; others on this machine may have some
			require.ErrorIs(t, err, unix.EADDRINUSE)
			break
		}
		defer unix.Close(fd)
		port := LocalAddr(fd).(*net.UDPAddr).Port
		require.NotContains(t, all, port)
		all = append(all, port)
	}
	require.LessOrEqual(t, len(all), ports)
	require.NotEmpty(t, all)
	again, err := Listen("udp4", &net.UDPAddr{IP: loopback, Port: all[0]}, cfg, true)
	require.NoError(t, err)
	unix.Close(again)
}
