package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
)

// outside is in a file beside the folder that is served, with a link to it inside.
const outside = "BYTES-FROM-OUTSIDE-THE-FOLDER"

// serveFuzzed serves a small folder in this process.
func serveFuzzed(f *testing.F) (*runtime.Runtime, net.Addr) {
	dir := f.TempDir()
	root := filepath.Join(dir, "root")
	require.NoError(f, os.Mkdir(root, 0o755))
	require.NoError(f, os.WriteFile(filepath.Join(dir, "outside"), []byte(outside), 0o644))
	require.NoError(f, os.WriteFile(filepath.Join(root, "hello.txt"), []byte("hello, world\n"), 0o644))
	require.NoError(f, os.Symlink("../outside", filepath.Join(root, "leak")))
	files, err := openFolder(root)
	require.NoError(f, err)
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(f, err)
	s := &server{rt: rt, files: files, idle: watchdog, slow: watchdog}
	ln, err := rt.Listen(context.Background(), "tcp", "127.0.0.1:0", s.accept(nil))
	require.NoError(f, err)
	f.Cleanup(func() {
		require.NoError(f, rt.Close())
		files.close()
	})
	return rt, ln.Addr()
}

// converse sends raw bytes and their end, and returns all that comes back. A server
// that refuses may reset what it has not read.
func converse(addr net.Addr, raw []byte) ([]byte, error) {
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(watchdog)); err != nil {
		return nil, err
	}
	_, err = c.Write(raw)
	if err == nil {
		err = c.(*net.TCPConn).CloseWrite()
	}
	if err != nil && !cutOff(err) {
		return nil, err
	}
	all, err := io.ReadAll(c)
	if cutOff(err) {
		err = nil
	}
	return all, err
}

func cutOff(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ENOTCONN)
}

// FuzzRequests: whatever comes in, what goes out begins with an answer in HTTP, is
// nothing from outside the folder, and the next client is served.
func FuzzRequests(f *testing.F) {
	rt, addr := serveFuzzed(f)
	const good = "GET /hello.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	for _, seed := range []string{
		good,
		"GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n" + good,
		"HEAD / HTTP/1.0\r\n\r\n",
		"GET /../outside HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /%2e%2e/outside HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /..%5coutside HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /leak HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /hello.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=1-3,5-\r\n\r\n",
		"GET /hello.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /leak",
		"GET /hello.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
		"GET http://a/hello.txt HTTP/1.1\r\nHost: b\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
		"\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := converse(addr, raw)
		require.NoError(t, err)
		require.False(t, bytes.Contains(got, []byte(outside)), "%q", got)
		if len(got) > 0 {
			_, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(got)), nil)
			require.NoError(t, err, "%q", got)
		}
		require.Zero(t, rt.Stats().Total().Panics)
		got, err = converse(addr, []byte(good))
		require.NoError(t, err)
		require.True(t, bytes.HasSuffix(got, []byte("\r\n\r\nhello, world\n")), "%q", got)
	})
}
