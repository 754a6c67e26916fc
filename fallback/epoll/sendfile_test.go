//go:build linux

package epoll

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// TestSendFileWithoutPages: sendfile(2) refuses such files.
func TestSendFileWithoutPages(t *testing.T) {
	const name = "/proc/self/limits"
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	l := open(t, nil)
	s, peer := l.pair("tcp")
	off := int64(0)
	for {
		c := l.start(driver.SendFile, s, func(c *call) { c.ext.File, c.ext.Off, c.ext.Len = f, off, 1<<20 })
		res := l.end(c)
		off += int64(res.N)
		if res.Err != nil {
			require.Equal(t, io.ErrUnexpectedEOF, res.Err)
			break
		}
		require.Positive(t, res.N)
	}
	require.NoError(t, l.end(l.start(driver.Close, s, nil)).Err)
	got, err := io.ReadAll(peer)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

// TestSendFileCold throws the file out of the page cache, so that a helper has to
// read it first.
func TestSendFileCold(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	data := make([]byte, 2<<20)
	for i := range data {
		data[i] = byte(i >> 9)
	}
	require.NoError(t, os.WriteFile(name, data, 0o600))
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.Sync())
	require.NoError(t, unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED))
	cold := !sock.Cached(f, 0, int64(len(data)))

	l := open(t, nil)
	s, peer := l.pair("tcp")
	got := make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(peer)
		got <- all
	}()
	for off := int64(0); off < int64(len(data)); {
		c := l.start(driver.SendFile, s, func(c *call) {
			c.ext.File, c.ext.Off, c.ext.Len = f, off, int64(len(data))-off
		})
		res := l.end(c)
		require.NoError(t, res.Err)
		off += int64(res.N)
	}
	require.NoError(t, l.end(l.start(driver.Close, s, nil)).Err)
	require.Equal(t, data, <-got)
	var stats driver.Stats
	l.Stats(&stats)
	if cold {
		require.Positive(t, stats.FileJobs)
	}
}
