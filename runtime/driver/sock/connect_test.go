//go:build linux

package sock

import (
	"errors"
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestConnecting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for _, tt := range []struct {
		name, network string
		listenOn      string
		listen, local net.Addr
	}{
		{"tcp4", "tcp", "tcp", tcp("127.0.0.1:0"), nil},
		{"tcp6", "", "tcp", tcp("[::1]:0"), nil},
		{"from address", "", "tcp", tcp("127.0.0.1:0"), tcp("127.0.0.2:0")},
		{"unix", "", "unix", &net.UnixAddr{Name: path, Net: "unix"}, nil},
		{"unix from name", "unix", "unix", nil, &net.UnixAddr{Name: "@hr-sock-test-from", Net: "unix"}},
		{"unixpacket", "", "unixpacket", nil, nil},
		{"udp", "", "udp", udp("127.0.0.1:0"), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ln := listen(t, tt.listenOn, tt.listen, nil, false)
			called := 0
			fd, sa, err := Connecting(tt.network, tt.local, LocalAddr(ln), func(fd uintptr) error {
				require.Nil(t, RemoteAddr(int(fd)))
				called++
				return nil
			}, false)
			require.NoError(t, err)
			defer unix.Close(fd)
			require.NoError(t, Connect(fd, &sa))
			require.Equal(t, 1, called)
			require.Equal(t, LocalAddr(ln).String(), RemoteAddr(fd).String())
			switch local := tt.local.(type) {
			case *net.TCPAddr:
				require.Equal(t, local.IP.String(), LocalAddr(fd).(*net.TCPAddr).IP.String())
			case *net.UnixAddr:
				require.Equal(t, local, LocalAddr(fd))
			}
			if Network(fd) == "tcp" {
				require.Equal(t, 1, option(t, fd, unix.IPPROTO_TCP, unix.TCP_NODELAY))
			}
		})
	}
}

func TestConnectingErrors(t *testing.T) {
	no := errors.New("no")
	to := tcp("127.0.0.1:1")
	for _, tt := range []struct {
		name          string
		network       string
		local, remote net.Addr
		control       func(uintptr) error
		want          error
	}{
		{"nowhere", "tcp", nil, nil, nil, unix.EDESTADDRREQ},
		{"nil inside", "", nil, (*net.TCPAddr)(nil), nil, unix.EDESTADDRREQ},
		{"stranger", "tcp", nil, &net.IPAddr{}, nil, unix.EAFNOSUPPORT},
		{"local stranger", "tcp", &net.IPAddr{}, to, nil, unix.EAFNOSUPPORT},
		{"unknown", "ip", nil, to, nil, net.UnknownNetworkError("ip")},
		{"control", "", nil, to, func(uintptr) error { return no }, no},
		{"not ours", "", tcp("192.0.2.1:0"), to, nil, unix.EADDRNOTAVAIL},
		{"families", "tcp4", nil, tcp("[::1]:1"), nil, unix.EAFNOSUPPORT},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := descriptors(t)
			_, _, err := Connecting(tt.network, tt.local, tt.remote, tt.control, true)
			require.Equal(t, tt.want, err)
			require.Equal(t, before, descriptors(t))
		})
	}
}

func TestRefused(t *testing.T) {
	ln := listen(t, "tcp", tcp("127.0.0.1:0"), nil, false)
	addr := LocalAddr(ln)
	require.NoError(t, unix.Shutdown(ln, unix.SHUT_RDWR)) // the port stays ours, and closed
	fd, sa, err := Connecting("", nil, addr, nil, true)
	require.NoError(t, err)
	defer unix.Close(fd)
	if err = Connect(fd, &sa); err == unix.EINPROGRESS {
		_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 30_000)
		require.NoError(t, err)
		err = SocketError(fd)
	}
	require.Equal(t, unix.ECONNREFUSED, err)
	require.NoError(t, SocketError(fd), "the error is told once")
}
