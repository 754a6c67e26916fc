package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/examples/internal/apptest"
)

// TestNeitherFileNorFolder: opening a pipe would take for ever, and the server would
// not end.
func TestNeitherFileNorFolder(t *testing.T) {
	dir := folderOf(t)
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o666))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "piped"), 0o755))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "piped", "index.html"), 0o666))
	require.NoError(t, os.Symlink("pipe", filepath.Join(dir, "link")))
	paths := map[string]int{
		"/pipe": 403, "/pipe/": 403, "/link": 403, "/piped/": 200, "/piped/index.html": 301, "/piped": 301,
	}
	if err := syscall.Mknod(filepath.Join(dir, "zero"), syscall.S_IFCHR|0o666, 1<<8|5); err == nil { // /dev/zero
		paths["/zero"], paths["/zero/"] = 403, 403
	}
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", dir)
	for target, status := range paths {
		for _, method := range []string{"GET", "HEAD"} {
			got := ask(t, "http://"+s.Addr, method, target, nil)
			require.Equal(t, status, got.Status, "%s %s", method, target)
		}
	}
	s.Stop()
}

// TestUnreadable: what may not be read is forbidden, and not missing.
func TestUnreadable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("skip: root reads everything")
	}
	dir := folderOf(t)
	require.NoError(t, os.Chmod(filepath.Join(dir, "hello.txt"), 0))
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", dir)
	require.Equal(t, http.StatusForbidden, ask(t, "http://"+s.Addr, "GET", "/hello.txt", nil).Status)
	s.Stop()
}

// TestLargeIndex: a folder's index is sent as any file, and not held in memory.
func TestLargeIndex(t *testing.T) {
	dir := folderOf(t)
	const size = 64 << 20
	text := strings.Repeat("0123456789abcdef", size/16)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "index.html"), []byte(text), 0o644))
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", dir)
	got := ask(t, "http://"+s.Addr, "GET", "/", nil)
	require.Equal(t, http.StatusOK, got.Status)
	require.Equal(t, "text/html; charset=utf-8", got.Header["Content-Type"])
	require.True(t, text == got.Body)
	require.Less(t, s.PeakMemory(), int64(size/2))
	s.Stop()
}
