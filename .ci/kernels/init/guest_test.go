//go:build linux

package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// These say what a job may rely on in a guest. They hold on any Linux machine, so they also run there.

func TestSockets(t *testing.T) {
	for _, a := range []struct{ network, address string }{
		{"tcp4", "127.0.0.1:0"},
		{"tcp6", "[::1]:0"},
		{"tcp", "localhost:0"},
		{"unix", filepath.Join(t.TempDir(), "s")},
	} {
		ln, err := net.Listen(a.network, a.address)
		require.NoError(t, err, a)
		got := make(chan string, 1)
		go func() {
			defer close(got)
			c, err := ln.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			b, _ := io.ReadAll(c)
			got <- string(b)
		}()
		c, err := net.Dial(a.network, ln.Addr().String())
		require.NoError(t, err, a)
		_, err = c.Write([]byte("hello"))
		require.NoError(t, err, a)
		require.NoError(t, c.Close(), a)
		require.Equal(t, "hello", <-got, a)
		require.NoError(t, ln.Close(), a)
	}
}

func TestFiles(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(name, make([]byte, 1<<20), 0o600))
	links, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	require.NotEmpty(t, links)
	_, err = os.ReadFile("/proc/sys/net/core/somaxconn")
	require.NoError(t, err)
	for _, device := range []string{"/dev/null", "/dev/zero", "/dev/urandom"} {
		f, err := os.OpenFile(device, os.O_RDWR, 0)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
}

func TestDescriptors(t *testing.T) {
	var files unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &files))
	require.GreaterOrEqual(t, files.Cur, uint64(4096))
}
