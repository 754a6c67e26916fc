package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/examples/internal/apptest"
)

// bigFile writes pseudo-random bytes to a file and returns their hash.
func bigFile(t *testing.T, name string, size int64) []byte {
	t.Helper()
	f, err := os.Create(name)
	require.NoError(t, err)
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, h), io.LimitReader(mathrand.NewChaCha8([32]byte{4}), size))
	require.NoError(t, err)
	return h.Sum(nil)
}

// TestDownloads: every size comes whole, and none of it stays in memory.
func TestDownloads(t *testing.T) {
	const limit = 8 << 20
	dir := t.TempDir()
	sizes := []int64{0, 1, 100, 4 << 10, 16 << 10, 64 << 10, 1 << 20, 64 << 20}
	if os.Getenv("HEADRACE_BIG") == "1" && !testing.Short() {
		sizes = append(sizes, 300<<20)
	}
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", dir, "-loops", "1")
	client := http.Client{Timeout: watchdog}
	defer client.CloseIdleConnections()
	var before int64
	for _, size := range append([]int64{1 << 20}, sizes...) {
		name := fmt.Sprintf("f%d.bin", size)
		want := bigFile(t, filepath.Join(dir, name), size)
		res, err := client.Get("http://" + s.Addr + "/" + name)
		require.NoError(t, err)
		h := sha256.New()
		n, err := io.Copy(h, res.Body)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, size, n)
		require.Equal(t, want, h.Sum(nil))
		if before == 0 {
			before = s.Memory()
		}
	}
	if before > 0 {
		require.Less(t, s.PeakMemory()-before, int64(limit))
	}
	s.Stop()
}

// TestRangeBeyond4GiB asks for the end of a file with a hole.
func TestRangeBeyond4GiB(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "sparse.bin"))
	require.NoError(t, err)
	const off = int64(5 << 30)
	_, err = f.WriteAt([]byte("far out"), off)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", dir)
	client := http.Client{Timeout: watchdog}
	defer client.CloseIdleConnections()
	for _, r := range []string{fmt.Sprintf("bytes=%d-", off), "bytes=-7", fmt.Sprintf("bytes=%d-%d", off, off+6)} {
		req, err := http.NewRequest(http.MethodGet, "http://"+s.Addr+"/sparse.bin", nil)
		require.NoError(t, err)
		req.Header.Set("Range", r)
		res, err := client.Do(req)
		require.NoError(t, err)
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, http.StatusPartialContent, res.StatusCode)
		require.Equal(t, fmt.Sprintf("bytes %d-%d/%d", off, off+6, off+7), res.Header.Get("Content-Range"))
		require.Equal(t, "far out", string(text))
	}
	s.Stop()
}

// TestTruncatedFile: a body that can not be what its header said ends the
// connection, and only that.
func TestTruncatedFile(t *testing.T) {
	const size = 64 << 20
	dir := t.TempDir()
	name := filepath.Join(dir, "f.bin")
	bigFile(t, name, size)
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", dir, "-loops", "1")
	before := s.Descriptors()
	c, err := net.Dial("tcp", s.Addr)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(watchdog)))
	_, err = io.WriteString(c, "GET /f.bin HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, 10_000))
	require.NoError(t, err)
	require.NoError(t, os.Truncate(name, 1<<20))
	n, _ := io.Copy(io.Discard, c) // perhaps cut off by a reset
	require.Less(t, n, int64(size-10_000))
	require.NoError(t, c.Close())

	res, err := http.Get("http://" + s.Addr + "/_stats?json")
	require.NoError(t, err)
	res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode)
	http.DefaultClient.CloseIdleConnections()
	s.Settled(before + 1) // the open file
	s.Stop()
}
