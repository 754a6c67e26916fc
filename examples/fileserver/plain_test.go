package main

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
)

func TestPlainGet(t *testing.T) {
	const get, host = "GET /a/b.txt HTTP/1.1\r\n", "Host: x\r\n"
	for _, test := range []struct {
		request string
		plain   bool
	}{
		{get + host + "\r\n", true},
		{get + host + "User-Agent: curl/8.0\r\nAccept: */*\r\n\r\n", true},
		{get + "Accept: a\r\nhOST: x:80\r\n\r\nGET /next", true},
		{get + host, false}, // not all of it
		{get + host + "\r", false},
		{get + "\r\n", false},
		{get + host + host + "\r\n", false},
		{get + "Host:\r\n\r\n", false},
		{get + host + "Range: bytes=0-1\r\n\r\n", false},
		{get + host + "if-none-match: *\r\n\r\n", false},
		{get + host + "Connection: close\r\n\r\n", false},
		{get + host + "Content-Length: 1\r\n\r\nx", false},
		{get + host + "transfer-encoding: chunked\r\n\r\n", false},
		{get + host + "A B: x\r\n\r\n", false},
		{get + host + "A : x\r\n\r\n", false},
		{get + host + "A: x\r\n folded\r\n\r\n", false},
		{get + host + "A: x\n\r\n", false},
		{get + host + "A: \x00\r\n\r\n", false},
		{get + host + ": x\r\n\r\n", false},
		{"GET /a/b.txt HTTP/1.0\r\n" + host + "\r\n", false},
		{"HEAD /a/b.txt HTTP/1.1\r\n" + host + "\r\n", false},
		{"GET /a/../b.txt HTTP/1.1\r\n" + host + "\r\n", false},
		{"GET /a//b.txt HTTP/1.1\r\n" + host + "\r\n", false},
		{"GET //b.txt HTTP/1.1\r\n" + host + "\r\n", false},
		{"GET /a%2fb.txt HTTP/1.1\r\n" + host + "\r\n", false},
		{"GET /a/b.txt?x HTTP/1.1\r\n" + host + "\r\n", false},
		{"GET /a/ HTTP/1.1\r\n" + host + "\r\n", false},
		{"GET / HTTP/1.1\r\n" + host + "\r\n", false},
		{"GET /_stats HTTP/1.1\r\n" + host + "\r\n", false},
		{"", false},
	} {
		name, size := plainGet([]byte(test.request))
		if !test.plain {
			require.Zero(t, size, "%q", test.request)
			continue
		}
		require.Equal(t, "a/b.txt", string(name), "%q", test.request)
		require.Equal(t, strings.Index(test.request, "\r\n\r\n")+4, size)
	}
}

// FuzzPlainGet: what counts as plain, net/http reads in the same way.
func FuzzPlainGet(f *testing.F) {
	f.Add([]byte("GET /a/b.txt HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n"))
	f.Add([]byte("GET /a HTTP/1.1\r\nhost: x\r\nTE: x\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		name, size := plainGet(raw)
		if size == 0 {
			return
		}
		r := bufio.NewReaderSize(bytes.NewReader(raw), len(raw)+1)
		req, err := http.ReadRequest(r)
		require.NoError(t, err)
		require.Equal(t, len(raw)-size, r.Buffered())
		require.Equal(t, http.MethodGet, req.Method)
		require.True(t, req.ProtoAtLeast(1, 1))
		require.Equal(t, http.NoBody, req.Body)
		require.NotEmpty(t, req.Host)
		require.False(t, req.Close)
		for _, field := range conditional {
			require.Empty(t, req.Header[field])
		}
		want, err := localName(req.URL.Path)
		if err == nil {
			require.Equal(t, want, string(name))
		}
	})
}

// TestPlainAnswersTheSame: the second answer is a plain one, and equal to the first;
// a change of the file shows once its entry is looked at again.
func TestPlainAnswersTheSame(t *testing.T) {
	dir := t.TempDir()
	for _, size := range []int{0, 100, 16 << 10, 300_000} {
		name := filepath.Join(dir, "file.txt")
		require.NoError(t, os.WriteFile(name, bytes.Repeat([]byte("x"), size), 0o644))
		s, addr := serveFolder(t, dir)
		const ask = "GET /file.txt HTTP/1.1\r\nHost: x\r\n\r\n"
		const last = "GET /file.txt?last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
		got, err := converse(addr, []byte(ask+ask+ask+last))
		require.NoError(t, err)
		r := bufio.NewReader(bytes.NewReader(got))
		var first http.Header
		for i := range 4 {
			res, err := http.ReadResponse(r, nil)
			require.NoError(t, err)
			body := new(bytes.Buffer)
			_, err = body.ReadFrom(res.Body)
			require.NoError(t, err)
			require.Equal(t, size, body.Len())
			res.Header.Del("Date")
			if i == 0 {
				first = res.Header
			}
			res.Header.Del("Connection")
			require.Equal(t, first, res.Header)
		}
		require.EqualValues(t, 4, s.requests.Load())
	}
}

// serveFolder serves a folder in this process.
func serveFolder(t *testing.T, dir string) (*server, net.Addr) {
	t.Helper()
	files, err := openFolder(dir)
	require.NoError(t, err)
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, rt.Close())
		files.close()
	})
	s := &server{rt: rt, files: files, idle: watchdog, slow: watchdog}
	ln, err := rt.Listen(context.Background(), "tcp", "127.0.0.1:0", s.accept(nil))
	require.NoError(t, err)
	return s, ln.Addr()
}

// TestPlainAllocatesNothing: neither parsing nor finding the entry does.
func TestPlainAllocatesNothing(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.txt"), []byte("a"), 0o644))
	d, err := openFolder(dir)
	require.NoError(t, err)
	defer d.close()
	e, err := d.open("a.txt")
	require.NoError(t, err)
	defer e.release()
	request, now := []byte("GET /a.txt HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"), time.Now()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		name, _ := plainGet(request)
		e := d.cachedBytes(name, now)
		if len(e.plainHead(now)) == 0 {
			panic("no header")
		}
		e.release()
	}))
}
