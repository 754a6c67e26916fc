package main

import (
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/examples/internal/apptest"
)

// TestSeveralRanges come as parts.
func TestSeveralRanges(t *testing.T) {
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", folderOf(t))
	got := ask(t, "http://"+s.Addr, "GET", "/hello.txt", map[string]string{"Range": "bytes=0-4,7-11"})
	require.Equal(t, 206, got.Status)
	kind, params, err := mime.ParseMediaType(got.Header["Content-Type"])
	require.NoError(t, err)
	require.Equal(t, "multipart/byteranges", kind)
	parts := multipart.NewReader(strings.NewReader(got.Body), params["boundary"])
	for _, want := range []struct{ at, text string }{{"bytes 0-4/13", "hello"}, {"bytes 7-11/13", "world"}} {
		p, err := parts.NextPart()
		require.NoError(t, err)
		require.Equal(t, want.at, p.Header.Get("Content-Range"))
		text, err := io.ReadAll(p)
		require.NoError(t, err)
		require.Equal(t, want.text, string(text))
	}
	_, err = parts.NextPart()
	require.ErrorIs(t, err, io.EOF)
	s.Stop()
}

// TestOldKeepAlive: HTTP/1.0 keeps a connection only where it is asked to.
func TestOldKeepAlive(t *testing.T) {
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", folderOf(t))
	const keep, once = "GET /hello.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET /hello.txt HTTP/1.0\r\n\r\n"
	got := raw(t, s.Addr, keep+keep+once+once)
	require.Equal(t, 3, strings.Count(got, "HTTP/1.1 200 "), got)
	require.Equal(t, 2, strings.Count(got, "\r\nConnection: keep-alive\r\n"), got)
	s.Stop()
}
