package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/examples/internal/apptest"
)

const (
	watchdog = 2 * time.Minute // bounds every wait; nothing is decided by it
	tick     = time.Millisecond
)

func TestMain(m *testing.M) { apptest.Main(m) }

// pattern is n bytes of pseudo-random data, the same each time.
func pattern(n int64) io.Reader { return io.LimitReader(mathrand.NewChaCha8([32]byte{3}), n) }

func patternBytes(n int64) []byte {
	p, _ := io.ReadAll(pattern(n))
	return p
}

func patternSum(n int64) []byte {
	h := sha256.New()
	_, _ = io.Copy(h, pattern(n))
	return h.Sum(nil)
}

func fileSum(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	require.NoError(t, err)
	return h.Sum(nil)
}

// testServer is a running server and its folder.
type testServer struct {
	*apptest.Server
	dir    string
	client http.Client
}

func start(t *testing.T, args ...string) *testServer {
	t.Helper()
	s := &testServer{dir: t.TempDir(), client: http.Client{Timeout: watchdog}}
	t.Cleanup(s.client.CloseIdleConnections)
	s.Server = apptest.Start(t, append([]string{"-addr", "127.0.0.1:0", "-dir", s.dir}, args...)...)
	return s
}

func (s *testServer) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

// do sends a request; a body of unknown size is sent in chunks.
func (s *testServer) do(t *testing.T, method, name string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, "http://"+s.Addr+"/"+name, body)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if size := req.Header.Get("Content-Length"); size != "" {
		req.ContentLength, err = strconv.ParseInt(size, 10, 64)
		require.NoError(t, err)
	}
	res, err := s.client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(text)
}

// raw is a connection of its own.
func (s *testServer) raw(t *testing.T) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr)
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(watchdog)))
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn), bufio.NewReader(c)
}

// talk sends text over a connection of its own and returns the answer's status.
func (s *testServer) talk(t *testing.T, text string) int {
	t.Helper()
	c, r := s.raw(t)
	_, err := io.WriteString(c, text)
	require.NoError(t, err)
	res, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	res.Body.Close()
	require.NoError(t, c.Close())
	return res.StatusCode
}

func TestUploads(t *testing.T) {
	sizes := []int64{0, 1, 100, 4 << 10, 16 << 10, 64 << 10, 1 << 20, 64 << 20}
	if os.Getenv("HEADRACE_BIG") == "1" && !testing.Short() {
		sizes = append(sizes, 300<<20)
	}
	for _, chunked := range []bool{false, true} {
		t.Run(fmt.Sprintf("chunked=%t", chunked), func(t *testing.T) {
			const limit = 8 << 20
			s := start(t, "-loops", "1", "-sync=false")
			s.do(t, http.MethodPut, "warm", pattern(1<<20))
			before := s.Memory()
			for _, size := range sizes {
				name, sum := fmt.Sprint("size-", size), patternSum(size)
				header := []string{digestField, formatDigest(sum)}
				if !chunked {
					header = append(header, "Content-Length", fmt.Sprint(size))
				}
				var body io.Reader = pattern(size)
				if size == 0 && !chunked {
					body = http.NoBody
				}
				res, text := s.do(t, http.MethodPut, name, body, header...)
				require.Equal(t, http.StatusCreated, res.StatusCode, text)
				require.Equal(t, formatDigest(sum), res.Header.Get(digestField))
				require.Equal(t, fmt.Sprintf("%x  %s\n", sum, name), text)
				require.Equal(t, sum, fileSum(t, s.path(name)))

				h := sha256.New()
				get, err := s.client.Get("http://" + s.Addr + "/" + name)
				require.NoError(t, err)
				n, err := io.Copy(h, get.Body)
				require.NoError(t, err)
				get.Body.Close()
				require.Equal(t, size, n)
				require.Equal(t, sum, h.Sum(nil))

				res, _ = s.do(t, http.MethodHead, name, nil)
				require.Equal(t, size, res.ContentLength)
				require.Equal(t, "?1", res.Header.Get("Upload-Complete"))
			}
			if s.MemoryCounts() {
				require.Less(t, s.PeakMemory()-before, int64(limit))
			}
			require.Contains(t, s.Stop(), fmt.Sprintf("uploads complete=%d partial=0 refused=0", len(sizes)+1))
		})
	}
}

// TestReplace: the file with the name is the old one or the new one, whole.
func TestReplace(t *testing.T) {
	s := start(t)
	res, _ := s.do(t, http.MethodPut, "f", strings.NewReader("old"))
	require.Equal(t, http.StatusCreated, res.StatusCode)
	c, _ := s.raw(t)
	_, err := io.WriteString(c, "PUT /f HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nnew, in p")
	require.NoError(t, err)
	s.waitPart(t, "f")
	_, text := s.do(t, http.MethodGet, "f", nil)
	require.Equal(t, "old", text)
	require.NoError(t, c.Close())
	require.Eventually(t, func() bool {
		res, _ := s.do(t, http.MethodPut, "f", strings.NewReader("new"))
		return res.StatusCode == http.StatusOK // when the broken one has let go
	}, watchdog, tick)
	_, text = s.do(t, http.MethodGet, "f", nil)
	require.Equal(t, "new", text)
	require.NoFileExists(t, s.path(partPrefix+"f"))
	s.Stop()
}

// waitPart waits until an upload has begun.
func (s *testServer) waitPart(t *testing.T, name string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := os.Stat(s.path(partName(name)))
		return err == nil
	}, watchdog, tick)
}

// TestResume: an upload that breaks off goes on where the disk has it, and the
// checksum is that of the whole.
func TestResume(t *testing.T) {
	for _, how := range []string{"close", "reset", "half-close"} {
		t.Run(how, func(t *testing.T) {
			const size = 3<<20 + 7
			data, sum := patternBytes(size), patternSum(size)
			s := start(t)
			before := s.Descriptors()
			c, _ := s.raw(t)
			_, err := fmt.Fprintf(c, "PUT /big HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size)
			require.NoError(t, err)
			_, err = c.Write(data[:size/2])
			require.NoError(t, err)
			s.waitPart(t, "big")
			switch how {
			case "reset":
				require.NoError(t, c.SetLinger(0))
				require.NoError(t, c.Close())
			case "half-close":
				require.NoError(t, c.CloseWrite())
			default:
				require.NoError(t, c.Close())
			}
			s.Settled(before)
			res, _ := s.do(t, http.MethodHead, "big", nil)
			require.Equal(t, "?0", res.Header.Get("Upload-Complete"))
			have, err := strconv.ParseInt(res.Header.Get("Upload-Offset"), 10, 64)
			require.NoError(t, err)
			require.LessOrEqual(t, have, int64(size/2))
			if how != "reset" { // which takes away what was not read yet
				require.EqualValues(t, size/2, have)
			}
			part, err := os.ReadFile(s.path(partPrefix + "big"))
			require.NoError(t, err)
			require.True(t, bytes.Equal(data[:have], part))
			res, _ = s.do(t, http.MethodGet, "big", nil)
			require.Equal(t, http.StatusNotFound, res.StatusCode)

			// A piece that ends before the file does, then the rest.
			for _, end := range []int64{have + 1000, size} {
				res, _ = s.do(t, http.MethodPut, "big", bytes.NewReader(data[have:end]),
					"Content-Range", fmt.Sprintf("bytes %d-%d/%d", have, end-1, size),
					digestField, formatDigest(sum))
				have = end
			}
			require.Equal(t, http.StatusCreated, res.StatusCode)
			require.Equal(t, formatDigest(sum), res.Header.Get(digestField))
			require.Equal(t, sum, fileSum(t, s.path("big")))
			require.NoFileExists(t, s.path(partPrefix+"big"))
			s.Stop()
		})
	}
}

func TestWrongOffset(t *testing.T) {
	s := start(t)
	res, _ := s.do(t, http.MethodPut, "f", strings.NewReader("0123456789"), "Content-Range", "bytes 0-9/30")
	require.Equal(t, http.StatusAccepted, res.StatusCode)
	require.Equal(t, "10", res.Header.Get("Upload-Offset"))
	res, _ = s.do(t, http.MethodPut, "f", strings.NewReader("0123456789"), "Content-Range", "bytes 20-29/30")
	require.Equal(t, http.StatusConflict, res.StatusCode)
	require.Equal(t, "10", res.Header.Get("Upload-Offset"))
	s.Stop()
}

func TestChecksumDiffers(t *testing.T) {
	s := start(t)
	wrong := formatDigest(patternSum(1))
	res, text := s.do(t, http.MethodPut, "f", strings.NewReader("not that"), digestField, wrong)
	require.Equal(t, http.StatusBadRequest, res.StatusCode)
	require.Contains(t, text, "checksum")
	list, err := os.ReadDir(s.dir)
	require.NoError(t, err)
	require.Empty(t, list)
	s.Stop()
}

func TestNames(t *testing.T) {
	s := start(t)
	outside := t.TempDir()
	require.NoError(t, os.Mkdir(s.path("folder"), 0o777))
	require.NoError(t, os.Symlink(outside, s.path("link")))
	for name, want := range map[string]int{
		"a b.txt":           http.StatusCreated,
		"folder/f":          http.StatusCreated,
		"folder":            http.StatusConflict,
		"missing/f":         http.StatusNotFound,
		"link/f":            http.StatusForbidden,
		"../f":              http.StatusBadRequest,
		"folder/../../f":    http.StatusBadRequest,
		"/etc/passwd":       http.StatusBadRequest,
		"":                  http.StatusBadRequest,
		"folder/":           http.StatusBadRequest,
		partPrefix + "f":    http.StatusForbidden,
		"folder%2f..%2f../": http.StatusBadRequest,
	} {
		name = strings.ReplaceAll(name, " ", "%20")
		got := s.talk(t, "PUT /"+name+" HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
		require.Equal(t, want, got, name)
	}
	list, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, list)
	s.Stop()
}

func TestRefusals(t *testing.T) {
	s := start(t, "-max", "1000", "-header", "500")
	const put = "PUT /f HTTP/1.1\r\nHost: x\r\n"
	for text, want := range map[string]int{
		"nonsense\r\n\r\n":                                                           http.StatusBadRequest,
		"PUT /f HTTP/1.1\r\n\r\n":                                                    http.StatusBadRequest,
		"POST /f HTTP/1.1\r\nHost: x\r\n\r\n":                                        http.StatusMethodNotAllowed,
		put + "\r\n":                                                                 http.StatusLengthRequired,
		put + "Content-Length: 1001\r\n\r\n":                                         http.StatusRequestEntityTooLarge,
		put + "Transfer-Encoding: chunked\r\n\r\n":                                   http.StatusBadRequest, // with what follows
		put + strings.Repeat("x: y\r\n", 100):                                        http.StatusRequestHeaderFieldsTooLarge,
		put + "Content-Length: 2\r\nContent-Range: bytes 0-2/3\r\n\r\nhi":            http.StatusBadRequest,
		put + "Content-Length: 2\r\nContent-Range: bytes 0-1/1001\r\n\r\nhi":         http.StatusRequestEntityTooLarge,
		put + "Content-Length: 2\r\nRepr-Digest: sha-256=:nonsense:\r\n\r\nhi":       http.StatusBadRequest,
		put + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n":                            http.StatusRequestEntityTooLarge,
		put + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi!\r\n0\r\n\r\n":              http.StatusBadRequest,
		put + "Transfer-Encoding: chunked\r\n\r\n-1\r\n":                             http.StatusBadRequest,
		put + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1", 2000):       http.StatusBadRequest,
		put + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("x", 17000): http.StatusBadRequest,
	} {
		if strings.HasSuffix(text, "chunked\r\n\r\n") {
			text += "zz\r\n"
		}
		require.Equal(t, want, s.talk(t, text), "%.80q", text)
	}
	require.NoFileExists(t, s.path("f"))
	s.Stop()
}

// TestChunks: extensions, trailers and a request behind the body.
func TestChunks(t *testing.T) {
	s := start(t)
	c, r := s.raw(t)
	_, err := io.WriteString(c, "PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+
		"5;ext=1\r\nhello\r\n1\r\n,\r\n0006\r\n world\r\n0\r\nTrailer: ignored\r\n\r\n"+
		"PUT /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nbye"+
		"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	var texts []string
	for range 3 {
		res, err := http.ReadResponse(r, nil)
		require.NoError(t, err)
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		texts = append(texts, string(text))
	}
	require.Equal(t, "hello, world", texts[2])
	b, err := os.ReadFile(s.path("b"))
	require.NoError(t, err)
	require.Equal(t, "bye", string(b))
	c.Close()
	s.Stop()
}

func TestExpectContinue(t *testing.T) {
	s := start(t, "-max", "1000")
	c, r := s.raw(t)
	_, err := io.WriteString(c, "PUT /f HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
	require.NoError(t, err)
	line, err := r.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 100 Continue\r\n", line)
	_, err = r.ReadString('\n')
	require.NoError(t, err)
	_, err = io.WriteString(c, "hi")
	require.NoError(t, err)
	res, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, res.StatusCode)
	res.Body.Close()
	c.Close()
	got := s.talk(t, "PUT /g HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\nExpect: 100-continue\r\n\r\n")
	require.Equal(t, http.StatusRequestEntityTooLarge, got, "instead of 100")
	s.Stop()
}

// TestSlow: clients that keep their place without sending lose it.
func TestSlow(t *testing.T) {
	s := start(t, "-slow", "200ms", "-rate", "1000000000")
	require.Equal(t, http.StatusRequestTimeout, s.talk(t, "PUT /f HTTP/1.1\r\nHost"))
	// A body that rests is cut off; one that only drips is told.
	c, r := s.raw(t)
	_, err := io.WriteString(c, "PUT /f HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx")
	require.NoError(t, err)
	_, err = r.ReadByte()
	require.Error(t, err)
	c, r = s.raw(t)
	_, err = io.WriteString(c, "PUT /g HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
	require.NoError(t, err)
	go func() {
		for {
			if _, err := c.Write(make([]byte, 1000)); err != nil {
				return
			}
			time.Sleep(tick)
		}
	}()
	res, err := http.ReadResponse(r, nil)
	if err == nil { // else the reset came first
		require.Equal(t, http.StatusRequestTimeout, res.StatusCode)
		res.Body.Close()
	}
	c.Close()
	require.Contains(t, s.Stop(), "complete=0 partial=2")
}

func TestAtTheSameTime(t *testing.T) {
	s := start(t, "-uploads", "2")
	begin := func(name string) *net.TCPConn {
		c, _ := s.raw(t)
		_, err := io.WriteString(c, "PUT /"+name+" HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx")
		require.NoError(t, err)
		s.waitPart(t, name)
		return c
	}
	first := begin("a")
	res, _ := s.do(t, http.MethodPut, "a", strings.NewReader("other"))
	require.Equal(t, http.StatusConflict, res.StatusCode)
	second := begin("b")
	res, _ = s.do(t, http.MethodPut, "c", strings.NewReader("too many"))
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.NotEmpty(t, res.Header.Get("Retry-After"))
	first.Close()
	second.Close()
	require.Eventually(t, func() bool {
		res, _ := s.do(t, http.MethodPut, "c", strings.NewReader("now"))
		return res.StatusCode == http.StatusCreated
	}, watchdog, tick)
	s.Stop()
}

func TestManyUploads(t *testing.T) {
	const uploads = 100
	s := start(t, "-sync=false")
	errs := make(chan error, uploads)
	for i := range uploads {
		go func() {
			size := int64(i) * 20_000
			req, err := http.NewRequest(http.MethodPut, fmt.Sprintf("http://%s/%d", s.Addr, i), pattern(size))
			if err == nil {
				var res *http.Response
				if res, err = s.client.Do(req); err == nil {
					_, err = io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
			}
			errs <- err
		}()
	}
	for range uploads {
		require.NoError(t, <-errs)
	}
	for i := range uploads {
		require.Equal(t, patternSum(int64(i)*20_000), fileSum(t, s.path(fmt.Sprint(i))), i)
	}
	s.client.CloseIdleConnections()
	require.Contains(t, s.Stop(), "complete=100 partial=0 refused=0")
}

// TestShutdownFinishesUploads: the server ends when the uploads that run are there.
func TestShutdownFinishesUploads(t *testing.T) {
	s := start(t, "-drain", "1h")
	c, r := s.raw(t)
	_, err := io.WriteString(c, "PUT /f HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nfirst")
	require.NoError(t, err)
	s.waitPart(t, "f")
	told := make(chan string, 1)
	go func() { told <- s.Stop() }()
	_, err = io.WriteString(c, " last")
	require.NoError(t, err)
	res, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, res.StatusCode)
	res.Body.Close()
	c.Close()
	require.Contains(t, <-told, "complete=1")
}

func TestMistakes(t *testing.T) {
	apptest.CommonMistakes(t)
	for want, args := range map[string][]string{
		"no such file": {"-dir", filepath.Join(t.TempDir(), "none")},
		"-header":      {"-header", "1000000"},
		"-max":         {"-max", "0"},
		"-rate":        {"-rate", "-1"},
		"-idle is -1s": {"-idle", "-1s"},
		"-slow is -1s": {"-slow", "-1s"},
	} {
		require.Contains(t, apptest.Fail(t, args...), want)
	}
}
