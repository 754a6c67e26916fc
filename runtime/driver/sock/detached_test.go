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
)

func TestDetached(t *testing.T) {
	fd, peer := pair(t)
	d := Detach(fd)
	got, err := FromAny(d)
	require.NoError(t, err)
	require.Equal(t, fd, got)
	_, err = FromAny(d)
	require.Equal(t, net.ErrClosed, err)
	require.Equal(t, net.ErrClosed, d.Close())

	d = Detach(fd)
	require.NoError(t, d.Close())
	require.Equal(t, net.ErrClosed, d.Close())
	_, err = peer.Read(make([]byte, 1))
	require.Error(t, err)
}

func TestFromAny(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for name, open := range map[string]func(t *testing.T) (any, string){
		"conn": func(t *testing.T) (any, string) {
			fd, peer := pair(t)
			t.Cleanup(func() { unix.Close(fd) })
			return peer, "tcp"
		},
		"listener": func(t *testing.T) (any, string) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			return ln, "tcp"
		},
		"unix listener": func(t *testing.T) (any, string) {
			ln, err := net.Listen("unix", path)
			require.NoError(t, err)
			return ln, "unix"
		},
		"packets": func(t *testing.T) (any, string) {
			c, err := net.ListenPacket("udp", "127.0.0.1:0")
			require.NoError(t, err)
			return c, "udp"
		},
		"file": func(t *testing.T) (any, string) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer ln.Close()
			f, err := ln.(*net.TCPListener).File()
			require.NoError(t, err)
			return f, "tcp"
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, network := open(t)
			before := descriptors(t)
			fd, err := FromAny(d)
			require.NoError(t, err)
			require.Equal(t, network, Network(fd))
			require.NotNil(t, LocalAddr(fd))
			require.Equal(t, before, descriptors(t), "the old one is closed")
			require.NoError(t, unix.Close(fd))
			_, err = FromAny(d)
			require.Error(t, err)
		})
	}
	require.FileExists(t, path)
}

func TestFromAnyErrors(t *testing.T) {
	f, _ := file(t, 10)
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	before := descriptors(t)
	for _, d := range []any{nil, 7, "x", client} {
		_, err := FromAny(d)
		require.ErrorIs(t, err, errors.ErrUnsupported, "%T", d)
	}
	_, err := FromAny(f)
	require.Equal(t, unix.ENOTSOCK, err)
	_, err = FromAny((*os.File)(nil))
	require.Equal(t, os.ErrInvalid, err)
	_, err = f.Stat()
	require.NoError(t, err, "refused, so it is as it was")
	require.Equal(t, before, descriptors(t))
}
