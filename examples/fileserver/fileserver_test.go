package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/examples/internal/apptest"
)

const watchdog = 2 * time.Minute // bounds every wait; nothing is decided by it

func TestMain(m *testing.M) { apptest.Main(m) }

// folderOf makes a folder to serve.
func folderOf(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		name = filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
	write("hello.txt", "hello, world\n")
	write("page.html", "<h1>page</h1>")
	write("empty.css", "")
	write("noext", "%PDF-1.4 and so on")
	write("with space.txt", "space")
	write("big.bin", strings.Repeat("0123456789abcdef", 20<<10))
	write("sub/index.html", "<h1>index</h1>")
	write("list/a.txt", "a")
	write("list/b&<b>.txt", "b")
	outside := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(outside, []byte("secret"), 0o644))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "leak")))
	return dir
}

type answer struct {
	Status int
	Header map[string]string
	Body   string
}

// ask makes one request without letting the client add or follow anything.
func ask(t *testing.T, base, method, target string, header map[string]string) answer {
	t.Helper()
	req, err := http.NewRequest(method, base+"/", nil)
	require.NoError(t, err)
	req.URL.Opaque = target
	for k, v := range header {
		req.Header.Set(k, v)
	}
	client := http.Client{
		Timeout:       watchdog,
		Transport:     &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	a := answer{Status: res.StatusCode, Header: map[string]string{}, Body: string(body)}
	for _, name := range []string{
		"Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "Last-Modified", "Location",
	} {
		a.Header[name] = res.Header.Get(name)
	}
	return a
}

// TestAnswersAsNetHTTP holds answers against those of http.FileServer.
func TestAnswersAsNetHTTP(t *testing.T) {
	dir := folderOf(t)
	oracle := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer oracle.Close()
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", dir)
	future := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)

	for _, test := range []struct {
		method, target string
		header         map[string]string
	}{
		{"GET", "/hello.txt", nil},
		{"HEAD", "/hello.txt", nil},
		{"GET", "/hello.txt?query=1", nil},
		{"GET", "/page.html", nil},
		{"GET", "/empty.css", nil},
		{"GET", "/noext", nil},
		{"GET", "/with%20space.txt", nil},
		{"GET", "/big.bin", nil},
		{"HEAD", "/big.bin", nil},
		{"GET", "/sub/", nil},
		{"HEAD", "/sub/", nil},
		{"GET", "/sub/", map[string]string{"Range": "bytes=4-8"}},
		{"GET", "/sub//", nil},
		{"GET", "/hello.txt/", nil},
		{"GET", "/missing/", nil},
		{"GET", "/sub", nil},
		{"GET", "/sub/index.html", nil},
		{"GET", "/list/", nil},
		{"GET", "/list", nil},
		{"GET", "/hello.txt", map[string]string{"Range": "bytes=0-4"}},
		{"GET", "/hello.txt", map[string]string{"Range": "bytes=7-"}},
		{"GET", "/hello.txt", map[string]string{"Range": "bytes=-3"}},
		{"HEAD", "/hello.txt", map[string]string{"Range": "bytes=0-4"}},
		{"GET", "/big.bin", map[string]string{"Range": "bytes=100000-299999"}},
		{"GET", "/hello.txt", map[string]string{"Range": "bytes=1000-"}},
		{"GET", "/hello.txt", map[string]string{"Range": "lines=1-2"}},
		{"GET", "/hello.txt", map[string]string{"If-Modified-Since": future}},
		{"GET", "/hello.txt", map[string]string{"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}},
		{"GET", "/hello.txt", map[string]string{"If-None-Match": `"other"`}},
		{"GET", "/hello.txt", map[string]string{"If-Range": `"other"`, "Range": "bytes=0-1"}},
	} {
		t.Run(fmt.Sprint(test.method, " ", test.target, " ", test.header), func(t *testing.T) {
			want := ask(t, oracle.URL, test.method, test.target, test.header)
			got := ask(t, "http://"+s.Addr, test.method, test.target, test.header)
			require.Equal(t, want.Status, got.Status)
			require.Equal(t, want.Body, got.Body)
			for _, h := range []map[string]string{want.Header, got.Header} {
				delete(h, "Content-Length") // net/http leaves it out of some answers to HEAD
				if want.Status == http.StatusNotModified {
					delete(h, "Last-Modified") // ours has an Etag instead
				}
			}
			if want.Status < 400 {
				require.Equal(t, want.Header, got.Header)
			}
		})
	}
	s.Stop()
}

func TestRefusals(t *testing.T) {
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", folderOf(t))
	base := "http://" + s.Addr
	for _, test := range []struct {
		method, target string
		status         int
	}{
		{"GET", "/missing", 404},
		{"GET", "/sub/missing", 404},
		{"GET", "/../etc/passwd", 400},
		{"GET", "/sub/../../etc/passwd", 400},
		{"GET", "/..%2fetc/passwd", 400},
		{"GET", "/leak", 404}, // a link out of the folder
		{"GET", "/leak/", 404},
		{"GET", "/hello.txt%00", 400},
		{"POST", "/hello.txt", 405},
		{"DELETE", "/hello.txt", 405},
	} {
		got := ask(t, base, test.method, test.target, nil)
		require.Equal(t, test.status, got.Status, "%s %s", test.method, test.target)
		require.NotContains(t, got.Body, "secret")
	}
	s.Stop()
}

// raw sends text as it is and returns all that comes back.
func raw(t *testing.T, addr, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(watchdog)))
	_, err = io.WriteString(c, text)
	require.NoError(t, err)
	require.NoError(t, c.(*net.TCPConn).CloseWrite())
	all, err := io.ReadAll(c)
	require.NoError(t, err)
	return string(all)
}

func TestMalformedRequests(t *testing.T) {
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", folderOf(t))
	for text, status := range map[string]string{
		"nonsense\r\n\r\n":                                                      "400",
		"GET /hello.txt HTTP/1.1\r\n\r\n":                                       "400", // no Host
		"GET /hello.txt HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n":              "400",
		"GET /hello.txt HTTP/2.0\r\nHost: a\r\n\r\n":                            "505",
		"GET hello.txt HTTP/1.1\r\nHost: a\r\n\r\n":                             "400",
		"GET /" + strings.Repeat("x", 100<<10) + " HTTP/1.1\r\nHost: a\r\n\r\n": "431",
		"GET /hello.txt HTTP/1.0\r\n\r\n":                                       "200",
	} {
		got := raw(t, s.Addr, text)
		require.True(t, strings.HasPrefix(got, "HTTP/1.1 "+status+" "), "%.60q: %.200s", text, got)
	}
	require.Empty(t, raw(t, s.Addr, ""))
	require.Empty(t, raw(t, s.Addr, "GET /hel"), "a request that breaks off is no request")
	s.Stop()
}

// TestPipelining: answers come in order, and one after a close does not come.
func TestPipelining(t *testing.T) {
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", folderOf(t))
	var text strings.Builder
	const n = 50
	for i := range n {
		name := []string{"hello.txt", "big.bin", "missing", "page.html"}[i%4]
		fmt.Fprintf(&text, "GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", name)
	}
	text.WriteString("GET /empty.css HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	text.WriteString("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n") // not answered
	r := bufio.NewReader(strings.NewReader(raw(t, s.Addr, text.String())))
	for i := range n {
		res, err := http.ReadResponse(r, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, []int{200, 200, 404, 200}[i%4], res.StatusCode)
		require.Equal(t, []int{13, 320 << 10, 10, 13}[i%4], len(body))
	}
	res, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	require.True(t, res.Close)
	_, err = http.ReadResponse(r, nil)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	s.Stop()
}

// TestNothingIsSmuggled: what follows a body whose end two readers may see in two
// places is not taken for a request.
func TestNothingIsSmuggled(t *testing.T) {
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", folderOf(t))
	const next = "GET /page.html HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	for _, body := range []string{
		"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n",
		"Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
		"Content-Length: +0\r\n\r\n",
		"Content-Length : 5\r\n\r\n",
	} {
		got := raw(t, s.Addr, "GET /hello.txt HTTP/1.1\r\nHost: a\r\n"+body+next)
		require.Equal(t, 1, strings.Count(got, "HTTP/1.1 "), "%q: %s", body, got)
		require.NotContains(t, got, "<h1>page</h1>", "%q", body)
	}
	got := raw(t, s.Addr, "GET /hello.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"+next)
	require.Contains(t, got, "<h1>page</h1>", "a body with one end hides nothing")
	s.Stop()
}

func TestConditional(t *testing.T) {
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", folderOf(t))
	res, err := http.Get("http://" + s.Addr + "/hello.txt")
	require.NoError(t, err)
	res.Body.Close()
	etag := res.Header.Get("Etag")
	require.NotEmpty(t, etag)
	future := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	for _, test := range []struct {
		target string
		header map[string]string
	}{
		{"/hello.txt", map[string]string{"If-None-Match": etag}},
		{"/hello.txt", map[string]string{"If-None-Match": etag, "Range": "bytes=0-1,4-5"}},
		{"/list/", map[string]string{"If-Modified-Since": future}},
	} {
		got := ask(t, "http://"+s.Addr, "GET", test.target, test.header)
		require.Equal(t, http.StatusNotModified, got.Status)
		require.Empty(t, got.Body)
		require.Empty(t, got.Header["Content-Length"], "it would be that of the whole (RFC 9110, section 8.6)")
	}
	s.Stop()
}

func TestChangedFileIsServedAnew(t *testing.T) {
	dir := folderOf(t)
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", dir)
	base := "http://" + s.Addr
	require.Equal(t, "hello, world\n", ask(t, base, "GET", "/hello.txt", nil).Body)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hello.txt"), []byte("changed, and longer now"), 0o644))
	require.Eventually(t, func() bool {
		return ask(t, base, "GET", "/hello.txt", nil).Body == "changed, and longer now"
	}, watchdog, 50*time.Millisecond)
	require.NoError(t, os.Remove(filepath.Join(dir, "hello.txt")))
	require.Eventually(t, func() bool {
		return ask(t, base, "GET", "/hello.txt", nil).Status == http.StatusNotFound
	}, watchdog, 50*time.Millisecond)
	s.Stop()
}

func TestManyClients(t *testing.T) {
	const clients, each = 100, 10
	dir := folderOf(t)
	want, err := os.ReadFile(filepath.Join(dir, "big.bin"))
	require.NoError(t, err)
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", dir)
	errs := make(chan error, clients)
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() { errs <- fetch("http://"+s.Addr+"/big.bin", sha256.Sum256(want), each) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	s.Stop()
}

func fetch(url string, want [sha256.Size]byte, times int) error {
	client := http.Client{Timeout: watchdog, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for range times {
		res, err := client.Get(url)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			return err
		}
		if sha256.Sum256(body) != want {
			return fmt.Errorf("%d other bytes", len(body))
		}
	}
	return nil
}

func TestStats(t *testing.T) {
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", folderOf(t), "-loops", "1")
	page := ask(t, "http://"+s.Addr, "GET", "/_stats", nil)
	require.Equal(t, 200, page.Status)
	require.Contains(t, page.Body, "<b>"+s.Backend+"</b>backend")
	require.Contains(t, page.Body, `<meta http-equiv="refresh" content="2">`)
	require.Regexp(t, `<b>\d+\.\d\d</b>enters per request`, page.Body)
	var snap struct {
		Requests uint64
		Runtime  struct{ Backend string }
	}
	require.NoError(t, json.Unmarshal([]byte(ask(t, "http://"+s.Addr, "GET", "/_stats?json", nil).Body), &snap))
	require.Equal(t, s.Backend, snap.Runtime.Backend)
	require.EqualValues(t, 2, snap.Requests)
	s.Stop()
}

func TestSlowRequestsAreCutOff(t *testing.T) {
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", folderOf(t), "-slow", "50ms", "-idle", "100ms")
	idle, err := net.Dial("tcp", s.Addr)
	require.NoError(t, err)
	defer idle.Close()
	dribble, err := net.Dial("tcp", s.Addr)
	require.NoError(t, err)
	defer dribble.Close()
	_, err = io.WriteString(dribble, "GET / HT")
	require.NoError(t, err)
	for _, c := range []net.Conn{idle, dribble} {
		require.NoError(t, c.SetDeadline(time.Now().Add(watchdog)))
	}
	all, err := io.ReadAll(dribble)
	require.NoError(t, err)
	require.Contains(t, string(all), "408 Request Timeout")
	all, err = io.ReadAll(idle)
	require.NoError(t, err)
	require.Empty(t, all)
	s.Stop()
}

func TestMistakes(t *testing.T) {
	apptest.CommonMistakes(t)
	require.Contains(t, apptest.Fail(t, "-tls-kernel", "false", "-root", "x"), `unexpected argument "false"`)
	for _, name := range []string{"-idle", "-slow"} {
		require.Contains(t, apptest.Fail(t, name, "-1s"), name+" is -1s, and can not be negative")
	}
	require.Contains(t, apptest.Fail(t, "-root", "/no/such/folder"), "/no/such/folder")
	require.Contains(t, apptest.Fail(t, "-root", "main.go"), "not a directory")
	require.Contains(t, apptest.Fail(t, "-backend", "x"), "unknown backend")
}
