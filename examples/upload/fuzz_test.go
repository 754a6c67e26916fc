package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
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
	"github.com/headrace/headrace/runtime/fiber"
)

// serveFuzzed takes uploads in this process.
func serveFuzzed(f *testing.F, dir string) (*runtime.Runtime, net.Addr) {
	files, err := openStore(dir)
	require.NoError(f, err)
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(f, err)
	max := limits{size: 1 << 16, uploads: 100, header: 4 << 10, idle: time.Minute, slow: time.Minute}
	s := &server{rt: rt, files: files, max: max, digest: true, progress: &progress{}}
	ln, err := rt.Listen(context.Background(), "tcp", "127.0.0.1:0", fiber.Serve(s.serve))
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
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	if _, err = c.Write(raw); err == nil {
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

// FuzzUploads: whatever comes in, what goes out begins with an answer in HTTP,
// nothing is written outside of the folder or beyond the limit, and the next upload is
// taken, whole.
func FuzzUploads(f *testing.F) {
	above := f.TempDir()
	dir := filepath.Join(above, "in")
	require.NoError(f, os.Mkdir(dir, 0o755))
	rt, addr := serveFuzzed(f, dir)
	const put = "PUT /f HTTP/1.1\r\nHost: x\r\n"
	for _, seed := range []string{
		put + "Content-Length: 2\r\n\r\nhi",
		put + "Content-Length: 2\r\n\r\nhi" + put + "Content-Length: 3\r\n\r\nbye",
		put + "Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n0\r\nT: u\r\n\r\n",
		put + "Transfer-Encoding: chunked\r\n\r\n2;a=\nhi\r\n0\r\n\r\n",
		put + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\n0\r\nT: u\n\n",
		put + "Transfer-Encoding: chunked\r\n\r\n2;a=\rb\r\nhi\r\n0\r\n\r\n",
		put + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
		put + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi",
		put + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		put + "Content-Range: bytes 2-3/4\r\nContent-Length: 2\r\n\r\nhi",
		put + "Content-Range: bytes 0-1/4\r\nContent-Length: 2\r\n\r\nhi",
		put + "Content-Range: bytes 9223372036854775806-9223372036854775807/9223372036854775807\r\n" +
			"Content-Length: 2\r\n\r\nhi",
		put + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
		put + "Content-Length: 99999999999999999999\r\n\r\n",
		"PUT /../f HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
		"PUT /%2e%2e/f HTTP/1.1\nHost: x\n\nPUT /g HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /f HTTP/1.1\r\nHost: x\r\n\r\n",
		"\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	n := 0
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := converse(addr, raw)
		require.NoError(t, err)
		if len(got) > 0 {
			_, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(got)), nil)
			require.NoError(t, err, "%q", got)
		}
		require.Zero(t, rt.Stats().Total().Panics)
		beside, err := os.ReadDir(above)
		require.NoError(t, err)
		require.Len(t, beside, 1, "something was written outside")

		n++
		next := fmt.Sprintf("the next one, %d", n)
		got, err = converse(addr, fmt.Appendf(nil, "PUT /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+
			"Content-Length: %d\r\n\r\n%s", len(next), next))
		require.NoError(t, err)
		require.Contains(t, string(got), "HTTP/1.1 20", "%q", got)
		text, err := os.ReadFile(filepath.Join(dir, "next"))
		require.NoError(t, err)
		require.Equal(t, next, string(text))
	})
}

// TestNothingIsSmuggled: what could be read in two ways is refused, and the request
// that it hides is not answered.
func TestNothingIsSmuggled(t *testing.T) {
	s := start(t)
	const hidden = "PUT /hidden HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
	const chunked = "PUT /f HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, text := range map[string]string{
		"both lengths": fmt.Sprintf("PUT /f HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"+
			"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s", 5+len(hidden), hidden),
		"two lengths": "PUT /f HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 57\r\n\r\n" + hidden,
		"two encodings": "PUT /f HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n" +
			"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"space before colon": "PUT /f HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n" +
			"Transfer-Encoding : chunked\r\n\r\n" + hidden,
		"bare line feeds": "PUT /f HTTP/1.1\nHost: x\nContent-Length: 0\n\n" + hidden,
		"bare CR":         "PUT /f HTTP/1.1\r\nHost: x\r\nContent-Length: 0\rX: y\r\n\r\n" + hidden,
		"signed length":   "PUT /f HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n" + hidden,
		"signed chunk":    chunked + "+0\r\n\r\n" + hidden,
		"folded line": "PUT /f HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked\r\n" +
			"Content-Length: 0\r\n\r\n" + hidden,
		"bare LF behind a chunk's size":  chunked + "2\nxx\r\n0\r\n\r\n" + hidden,
		"bare LF in a chunk's extension": chunked + "2;a=\nxx\r\n0\r\n\r\n" + hidden,
		"bare CR in a chunk's extension": chunked + "2;a=\rb\r\nxx\r\n0\r\n\r\n" + hidden,
		"bare LF behind a chunk":         chunked + "2\r\nxx\n0\r\n\r\n" + hidden,
		"bare LF behind the last chunk":  chunked + "0\n\r\n" + hidden,
		"bare LF behind a trailer":       chunked + "0\r\nT: u\n\r\n" + hidden,
		"bare LF in place of a trailer":  chunked + "0\r\n\n" + hidden,
		"bare CR in a trailer":           chunked + "0\r\nT: u\rv\r\n\r\n" + hidden,
	} {
		status := s.talk(t, text)
		require.GreaterOrEqual(t, status, 400, name)
		require.NoFileExists(t, s.path("hidden"), name)
	}
	s.Stop()
}
