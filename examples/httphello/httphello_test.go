package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/examples/internal/apptest"
)

const watchdog = 2 * time.Minute // bounds every wait; nothing is decided by it

func TestMain(m *testing.M) { apptest.Main(m) }

// eachEngine runs f with a server of either engine.
func eachEngine(t *testing.T, args []string, f func(t *testing.T, s *apptest.Server)) {
	for engine := range engines {
		t.Run(engine, func(t *testing.T) {
			s := apptest.Start(t, append([]string{"-addr", "127.0.0.1:0", "-engine", engine}, args...)...)
			f(t, s)
		})
	}
}

// say writes on a new connection, then reads answers until the server ends it, or
// until there are so many.
func say(t *testing.T, addr, text string, most int) (codes []int) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(watchdog)))
	go func() { _, _ = io.WriteString(c, text) }() // the server may end it before
	r := bufio.NewReader(c)
	for len(codes) < most {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "it is neither answered nor ended")
			return codes
		}
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		if res.StatusCode == http.StatusOK {
			require.Equal(t, greeting, string(body))
		}
		codes = append(codes, res.StatusCode)
	}
	return codes
}

// greetings counts the 200s.
func greetings(codes []int) (n int) {
	for _, code := range codes {
		if code == http.StatusOK {
			n++
		}
	}
	return n
}

const hi = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

func TestHello(t *testing.T) {
	eachEngine(t, nil, func(t *testing.T, s *apptest.Server) {
		client := http.Client{Timeout: watchdog, Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		for i := range 5 {
			res, err := client.Post("http://"+s.Addr, "text/plain", strings.NewReader(strings.Repeat("x", i*1000)))
			require.NoError(t, err)
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			res.Body.Close()
			require.Equal(t, greeting, string(body))
		}
		require.Equal(t, []int{200, 200, 200}, say(t, s.Addr, strings.Repeat(hi, 3), 3), "pipelined")
		require.Equal(t, []int{200}, say(t, s.Addr, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"+hi, 9))
	})
}

// TestHead: HEAD gets the header only, and what follows is the next answer.
func TestHead(t *testing.T) {
	eachEngine(t, nil, func(t *testing.T, s *apptest.Server) {
		const head = "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
		for _, res := range ask(t, s.Addr, head, head, hi) {
			require.EqualValues(t, len(greeting), res.ContentLength)
		}
	})
}

// TestKeepAliveOfOld: a peer of HTTP/1.0 that asks for it is told that the connection stays.
func TestKeepAliveOfOld(t *testing.T) {
	eachEngine(t, nil, func(t *testing.T, s *apptest.Server) {
		const rest = " / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
		for _, res := range ask(t, s.Addr, "GET"+rest, "HEAD"+rest, "GET"+rest) {
			require.Equal(t, "keep-alive", res.Header.Get("Connection"))
		}
		for _, res := range ask(t, s.Addr, hi) {
			require.Empty(t, res.Header.Get("Connection"))
		}
		require.Equal(t, []int{200}, say(t, s.Addr, "GET / HTTP/1.0\r\n\r\n"+hi, 9))
	})
}

// ask sends requests at once on a new connection, and returns their answers.
func ask(t *testing.T, addr string, requests ...string) (answers []*http.Response) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(watchdog)))
	_, err = io.WriteString(c, strings.Join(requests, ""))
	require.NoError(t, err)
	r := bufio.NewReader(c)
	for _, text := range requests {
		method, _, _ := strings.Cut(text, " ")
		res, err := http.ReadResponse(r, &http.Request{Method: method})
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, res.Body)
		require.NoError(t, err)
		answers = append(answers, res)
	}
	require.Zero(t, r.Buffered(), "nothing comes behind them")
	return answers
}

// TestSmuggling: what two servers could understand differently is not answered twice.
func TestSmuggling(t *testing.T) {
	eachEngine(t, []string{"-idle", "1s"}, func(t *testing.T, s *apptest.Server) {
		for name, head := range map[string]string{
			"two lengths":            "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
			"a list of lengths":      "Content-Length: 0, 5\r\n\r\n",
			"a signed length":        "Content-Length: +0\r\n\r\n",
			"a space before a colon": "Content-Length : 5\r\n\r\n",
			"a folded name":          "X: y\r\n Content-Length\r\n: 5\r\n\r\n",
			"unknown coding":         "Transfer-Encoding: xchunked\r\n\r\n",
			"codings":                "Transfer-Encoding: chunked, identity\r\n\r\n",
			"a bare NUL":             "X: \x00\r\n\r\n",
		} {
			text := "POST / HTTP/1.1\r\nHost: x\r\n" + head + hi
			require.Zero(t, greetings(say(t, s.Addr, text, 9)), name)
		}
		// A body that is not clear is at most one request's, and the last. net/http's
		// server takes chunks beside a length for what they are, and goes on.
		most := map[bool]int{true: 1, false: 2}[strings.HasSuffix(t.Name(), "/fiber")]
		for name, rest := range map[string]string{
			"a length beside chunks": "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			"a bad chunk":            "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
		} {
			text := "POST / HTTP/1.1\r\nHost: x\r\n" + rest + hi
			require.LessOrEqual(t, greetings(say(t, s.Addr, text, 9)), most, name)
		}
		require.Equal(t, []int{200}, say(t, s.Addr, hi, 1), "others are served")
	})
}

// TestLimits: a header, and a wait, that is too long ends the connection.
func TestLimits(t *testing.T) {
	eachEngine(t, []string{"-slow", "50ms", "-idle", "50ms"}, func(t *testing.T, s *apptest.Server) {
		before := s.Descriptors()
		for name, text := range map[string]string{
			"a long header": "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 2*maxHeader) + "\r\n\r\n",
			"half a header": "GET / HTTP/1.1\r\nHos",
			"nothing":       "",
		} {
			require.Zero(t, greetings(say(t, s.Addr, text, 9)), name)
		}
		require.Equal(t, []int{200}, say(t, s.Addr, hi, 9), "then it waits for another, not for ever")
		s.Settled(before)
		s.Stop()
	})
}

// TestDrain: a connection that waits for its next request does not hold the server up.
func TestDrain(t *testing.T) {
	eachEngine(t, nil, func(t *testing.T, s *apptest.Server) {
		c, err := net.Dial("tcp", s.Addr)
		require.NoError(t, err)
		defer c.Close()
		require.NoError(t, c.SetDeadline(time.Now().Add(watchdog)))
		_, err = io.WriteString(c, hi)
		require.NoError(t, err)
		_, err = io.ReadFull(c, make([]byte, len(greeting))) // a part of the answer
		require.NoError(t, err)
		s.Stop()
		_, err = io.Copy(io.Discard, c)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	})
}

// TestNoLimits: zero is for ever.
func TestNoLimits(t *testing.T) {
	eachEngine(t, []string{"-slow", "0", "-idle", "0"}, func(t *testing.T, s *apptest.Server) {
		require.Equal(t, []int{200, 200}, say(t, s.Addr, hi+hi, 2))
	})
}

// TestCounts: connections are counted wherever they live.
func TestCounts(t *testing.T) {
	eachEngine(t, nil, func(t *testing.T, s *apptest.Server) {
		for range 3 {
			require.Equal(t, []int{200}, say(t, s.Addr, hi, 1))
		}
		require.Contains(t, s.Stop(), "served connections=3 ")
	})
}

func TestSelfTest(t *testing.T) {
	for engine := range engines {
		for _, addr := range []string{"127.0.0.1:0", "unix:" + filepath.Join(t.TempDir(), engine)} {
			out := apptest.Pass(t, "-addr", addr, "-engine", engine, "-selftest")
			require.Regexp(t, "served connections=[12] ", out)
		}
	}
}

func TestFlags(t *testing.T) {
	apptest.CommonMistakes(t)
	for engine := range engines {
		for _, name := range []string{"-idle", "-slow"} {
			require.Contains(t, apptest.Fail(t, "-engine", engine, name, "-3s"), name+" is -3s, and can not be negative")
		}
	}
	require.Contains(t, apptest.Fail(t, "-engine", "x"), "unknown -engine")
	require.Contains(t, apptest.Fail(t, "-mode", "x"), "-mode")
}

// TestWrk: a load generator that is not ours sees no errors, if it is there.
func TestWrk(t *testing.T) {
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		t.Skip("no wrk")
	}
	eachEngine(t, nil, func(t *testing.T, s *apptest.Server) {
		out, err := exec.Command(wrk, "-t1", "-c16", "-d1s", "http://"+s.Addr+"/").CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.NotContains(t, string(out), "Socket errors")
		require.NotContains(t, string(out), "Non-2xx")
		require.NotContains(t, string(out), "\n  0 requests")
	})
}

// TestReadme: it tells of all flags.
func TestReadme(t *testing.T) { apptest.Documented(t) }
