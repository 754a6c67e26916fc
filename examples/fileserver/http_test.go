package main

import (
	"crypto/tls"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

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

// TestNoLimits: zero is for ever.
func TestNoLimits(t *testing.T) {
	dir := folderOf(t)
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", dir, "-idle", "0", "-slow", "0")
	for _, target := range []string{"/hello.txt", "/hello.txt?again", "/list/"} {
		require.Equal(t, 200, ask(t, "http://"+s.Addr, "GET", target, nil).Status)
	}
	s.Stop()

	tlsServer, _, pool := startTLS(t, dir, "-idle", "0", "-slow", "0")
	client := http.Client{
		Timeout: watchdog, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
	}
	defer client.CloseIdleConnections()
	res, err := client.Get("https://" + tlsServer.Addr + "/hello.txt")
	require.NoError(t, err)
	res.Body.Close()
	require.Equal(t, 200, res.StatusCode)
	tlsServer.Stop()
	require.Negative(t, (&server{}).secured(&tls.Config{}, false).HandshakeTimeout, "its zero is not for ever")
	require.Equal(t, time.Second, (&server{slow: time.Second}).secured(&tls.Config{}, false).HandshakeTimeout)
}

// TestHead: HEAD says what GET would.
func TestHead(t *testing.T) {
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", folderOf(t))
	for _, target := range []string{
		"/hello.txt", "/empty.css", "/big.bin", "/sub", "/sub/", "/sub?query=1", "/sub/index.html", "/list", "/list/",
		"/hello.txt/", "/missing", "/missing/", "/leak", "/..", "/%00",
	} {
		for _, header := range []map[string]string{
			nil, {"Range": "bytes=0-1"}, {"Range": "bytes=0-1,3-4"}, {"Range": "bytes=999999-"}, {"If-Match": `"other"`},
		} {
			want := ask(t, "http://"+s.Addr, "GET", target, header)
			got := ask(t, "http://"+s.Addr, "HEAD", target, header)
			require.Empty(t, got.Body)
			for _, a := range []*answer{&want, &got} { // parts have another boundary each time
				a.Header["Content-Type"], _, _ = strings.Cut(a.Header["Content-Type"], "; boundary=")
			}
			want.Body = ""
			require.Equal(t, want, got, "%s %v", target, header)
		}
	}
	s.Stop()
}

// TestReadme: it tells of all flags.
func TestReadme(t *testing.T) { apptest.Documented(t) }
