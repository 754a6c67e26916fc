package stdnet_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/stdnet"
)

// stack is what HTTP runs on: package net, or ours in some mode.
type stack struct {
	name   string
	listen func(t *testing.T) net.Listener
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
}

func stdStack() stack {
	return stack{
		name: "std",
		listen: func(t *testing.T) net.Listener {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			return ln
		},
		dial: (&net.Dialer{}).DialContext,
	}
}

func ourStack(t *testing.T, mode stdnet.Mode) stack {
	rt := newRuntime(t)
	return stack{
		name:   mode.String(),
		listen: func(t *testing.T) net.Listener { return listen(t, rt, "tcp", mode) },
		dial:   (&stdnet.Dialer{Runtime: rt, Mode: mode}).DialContext,
	}
}

// site is a running server, and a client of it.
type site struct {
	*httptest.Server
	stack  stack
	client *http.Client
	t      *testing.T
}

// serve starts a server, changed by configure.
func (s stack) serve(t *testing.T, h http.Handler, configure func(*httptest.Server)) *site {
	srv := httptest.NewUnstartedServer(h)
	srv.Listener.Close()
	srv.Listener = s.listen(t)
	srv.Config.ErrorLog = nil
	start := srv.Start
	if configure != nil {
		configure(srv)
	}
	if srv.TLS != nil {
		start = srv.StartTLS
	}
	start()
	client := srv.Client()
	client.Timeout = watchdog
	client.Transport.(*http.Transport).DialContext = s.dial
	t.Cleanup(func() { client.CloseIdleConnections(); srv.Close() })
	return &site{srv, s, client, t}
}

// dialRaw makes a connection for what http.Client would not send.
func (s *site) dialRaw() net.Conn {
	c, err := s.stack.dial(context.Background(), "tcp", s.Listener.Addr().String())
	require.NoError(s.t, err)
	require.NoError(s.t, c.SetDeadline(time.Now().Add(watchdog)))
	s.t.Cleanup(func() { c.Close() })
	return c
}

// say describes an answer, without what differs from run to run.
func say(res *http.Response, err error) string {
	if err != nil {
		return fmt.Sprintf("error %T timeout=%v", errors.Unwrap(err), os.IsTimeout(err))
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	text := string(body)
	if len(text) > 64 {
		text = fmt.Sprintf("%d bytes %x", len(body), sha256.Sum256(body))
	}
	return fmt.Sprintf("%s %s length=%d chunked=%v close=%v %q trailer=%v err=%v", res.Proto, res.Status,
		res.ContentLength, res.TransferEncoding, res.Close, text, res.Trailer, err)
}

// httpCase is something done over HTTP; what it returns must be the same on every
// stack.
type httpCase struct {
	name string
	do   func(t *testing.T, s stack) []string
}

func compareHTTP(t *testing.T, cases []httpCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var want []string
			require.True(t, t.Run("std", func(t *testing.T) { want = c.do(t, stdStack()) }))
			require.NotEmpty(t, want)
			for _, mode := range modes {
				t.Run(mode.String(), func(t *testing.T) {
					require.Equal(t, want, c.do(t, ourStack(t, mode)))
				})
			}
		})
	}
}

// echoBody reads all before it answers: who answers sooner gives up the rest.
func echoBody(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		_, _ = w.Write(body)
	}
}

// noise returns the first n bytes of a stream that does not repeat itself soon.
// They are shared, and copied by who writes to them.
func noise(n int) []byte { return makeNoise()[:n:n] }

var makeNoise = sync.OnceValue(func() []byte {
	p := make([]byte, 64<<20)
	x := uint32(1)
	for i := range p {
		x = x*1664525 + 1013904223
		p[i] = byte(x >> 24)
	}
	return p
})

func TestHTTP(t *testing.T) {
	compareHTTP(t, []httpCase{
		{"keep-alive", keepAlive}, {"pipelining", pipelining}, {"expect continue", expectContinue},
		{"chunked both ways", chunked}, {"hijack", hijack}, {"flush", flushing},
		{"ranges", ranges}, {"32 MiB up and down", large}, {"cancellation", cancellation},
		{"reverse proxy", reverseProxy}, {"https", https(false)}, {"http2", https(true)},
		{"parallel", parallel},
	})
}

func keepAlive(t *testing.T, s stack) (said []string) {
	var peers sync.Map
	srv := s.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peers.Store(r.RemoteAddr, true)
		fmt.Fprintf(w, "hello %s", r.URL.Path)
	}), nil)
	for i := range 20 {
		said = append(said, say(srv.client.Get(fmt.Sprintf("%s/%d", srv.URL, i))))
	}
	peers.Range(func(_, _ any) bool {
		said = append(said, "a connection")
		return true
	})
	return said
}

func pipelining(t *testing.T, s stack) (said []string) {
	srv := s.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s", r.URL.Path)
	}), nil)
	c := srv.dialRaw()
	const n = 50
	var all bytes.Buffer
	for i := range n {
		fmt.Fprintf(&all, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i)
	}
	_, err := c.Write(all.Bytes())
	require.NoError(t, err)
	r := bufio.NewReader(c)
	for range n {
		said = append(said, say(http.ReadResponse(r, nil)))
	}
	return said
}

func expectContinue(t *testing.T, s stack) (said []string) {
	srv := s.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		echoBody(w, r)
	}), nil)
	srv.client.Transport.(*http.Transport).ExpectContinueTimeout = watchdog
	for _, path := range []string{"/yes", "/no", "/yes"} {
		req, err := http.NewRequest("POST", srv.URL+path, strings.NewReader("body"))
		require.NoError(t, err)
		req.Header.Set("Expect", "100-continue")
		said = append(said, say(srv.client.Do(req)))
	}
	return said
}

func chunked(t *testing.T, s stack) (said []string) {
	srv := s.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		body, err := io.ReadAll(r.Body)
		h := sha256.New()
		_, _ = io.Copy(io.MultiWriter(w, h), bytes.NewReader(body))
		w.Header().Set("X-Sum", fmt.Sprintf("%x %v %v", h.Sum(nil), r.TransferEncoding, err))
	}), nil)
	for _, size := range []int{0, 1, 5000, 300_000} {
		body := io.MultiReader(bytes.NewReader(noise(size)))
		said = append(said, say(srv.client.Post(srv.URL, "text/plain", body)))
	}
	return said
}

func hijack(t *testing.T, s stack) (said []string) {
	srv := s.serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = rw.WriteString("hijacked\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		_, _ = c.Write([]byte("you said " + line))
	}), nil)
	c := srv.dialRaw()
	_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	r := bufio.NewReader(c)
	line, err := r.ReadString('\n')
	said = append(said, line, fmt.Sprint(err))
	_, err = io.WriteString(c, "this\n")
	require.NoError(t, err)
	rest, err := io.ReadAll(r)
	return append(said, string(rest), fmt.Sprint(err))
}

func flushing(t *testing.T, s stack) (said []string) {
	next := make(chan struct{})
	srv := s.serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := range 5 {
			fmt.Fprintf(w, "part %d\n", i)
			w.(http.Flusher).Flush()
			<-next // the client has it
		}
	}), nil)
	res, err := srv.client.Get(srv.URL)
	require.NoError(t, err)
	defer res.Body.Close()
	r := bufio.NewReader(res.Body)
	for range 5 {
		line, err := r.ReadString('\n')
		said = append(said, line, fmt.Sprint(err))
		next <- struct{}{}
	}
	return said
}

func ranges(t *testing.T, s stack) (said []string) {
	name := filepath.Join(t.TempDir(), "file.bin")
	require.NoError(t, os.WriteFile(name, noise(3<<20), 0o600))
	srv := s.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(name)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		http.ServeContent(w, r, name, time.Unix(1e9, 0), f)
	}), nil)
	for _, rng := range []string{
		"", "bytes=0-0", "bytes=100-65635", "bytes=-70000", "bytes=1000000-", "bytes=9999999-",
		"bytes=0-99,200000-400000",
	} {
		req, err := http.NewRequest("GET", srv.URL, nil)
		require.NoError(t, err)
		if rng != "" {
			req.Header.Set("Range", rng)
		}
		res, err := srv.client.Do(req)
		if err == nil && strings.Contains(rng, ",") { // its boundary is random
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			said = append(said, fmt.Sprint(res.Status, len(body)))
			continue
		}
		said = append(said, say(res, err))
	}
	return said
}

func large(t *testing.T, s stack) (said []string) {
	body := noise(32 << 20)
	sum := fmt.Sprintf("%x", sha256.Sum256(body))
	srv := s.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			_, _ = w.Write(body)
			return
		}
		h := sha256.New()
		n, err := io.Copy(h, r.Body)
		fmt.Fprintf(w, "%d %v %v", n, err, sum == fmt.Sprintf("%x", h.Sum(nil)))
	}), nil)
	said = append(said, say(srv.client.Get(srv.URL)))
	return append(said, say(srv.client.Post(srv.URL, "x/y", bytes.NewReader(body))))
}

func cancellation(t *testing.T, s stack) (said []string) {
	entered, canceled := make(chan struct{}), make(chan error, 1)
	srv := s.serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		canceled <- r.Context().Err()
	}), nil)
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
	require.NoError(t, err)
	go func() { <-entered; cancel() }()
	said = append(said, say(srv.client.Do(req)))
	return append(said, fmt.Sprint(<-canceled))
}

func reverseProxy(t *testing.T, s stack) (said []string) {
	back := s.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			size, _ := strconv.Atoi(r.URL.Path[1:])
			_, _ = w.Write(noise(size))
			return
		}
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d %x %v", len(body), sha256.Sum256(body), err)
	}), nil)
	target, err := url.Parse(back.URL)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = back.client.Transport
	front := s.serve(t, proxy, nil)
	for _, size := range []int{0, 10, 100_000, 2 << 20} {
		said = append(said, say(front.client.Get(fmt.Sprintf("%s/%d", front.URL, size))))
		said = append(said, say(front.client.Post(front.URL, "x/y", bytes.NewReader(noise(size)))))
	}
	return said
}

func https(http2 bool) func(t *testing.T, s stack) []string {
	return func(t *testing.T, s stack) (said []string) {
		srv := s.serve(t, http.HandlerFunc(echoBody), func(srv *httptest.Server) {
			srv.EnableHTTP2 = http2
			srv.TLS = &tls.Config{}
		})
		for _, size := range []int{0, 10, 100_000, 2 << 20} {
			said = append(said, say(srv.client.Post(srv.URL, "x/y", bytes.NewReader(noise(size)))))
		}
		return said
	}
}

func parallel(t *testing.T, s stack) (said []string) {
	srv := s.serve(t, http.HandlerFunc(echoBody), nil)
	const clients, requests = 40, 30
	bad := make(chan string, clients)
	for i := range clients {
		go func() {
			tr := &http.Transport{DialContext: s.dial}
			defer tr.CloseIdleConnections()
			client := &http.Client{Transport: tr, Timeout: watchdog}
			body := noise(100*i + 10)
			for range requests {
				res, err := client.Post(srv.URL, "x/y", bytes.NewReader(body))
				if err != nil {
					bad <- err.Error()
					return
				}
				got, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || !bytes.Equal(got, body) {
					bad <- fmt.Sprint("wrong body ", err)
					return
				}
			}
			bad <- "good"
		}()
	}
	for range clients {
		said = append(said, <-bad)
	}
	return said
}
