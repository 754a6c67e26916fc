package main

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/examples/internal/app"
	"github.com/headrace/headrace/runtime"
)

// What a request may be at most.
const (
	maxHeader = 64 << 10
	maxBody   = 256 << 10 // of a GET, read and dropped
)

// lingerTime is how long a peer may go on sending what nobody wants.
const lingerTime = 500 * time.Millisecond

// server serves one folder.
type server struct {
	rt       *runtime.Runtime
	files    *folder
	idle     time.Duration
	slow     time.Duration
	requests atomic.Uint64
}

var readers = sync.Pool{New: func() any { return &reader{} }}

// reader is what a connection needs while there is a request to read. Idle
// connections hold none.
type reader struct {
	buf  *bufio.Reader
	c    conn
	left int   // bytes that the peer may still send
	err  error // why reading ended: parsers forget it
}

func takeReader(c conn) *reader {
	r := readers.Get().(*reader)
	r.c, r.err = c, nil
	if r.buf == nil {
		r.buf = bufio.NewReader(r)
	}
	r.buf.Reset(r)
	return r
}

// Read reads from the connection, up to the limit.
func (r *reader) Read(p []byte) (n int, err error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	n, err = r.c.Read(p[:min(len(p), r.left)])
	r.left -= n
	if err != nil {
		r.err = err
	}
	return n, err
}

func (r *reader) release() {
	r.c = nil
	readers.Put(r)
}

// serve answers the requests of one connection, one after the other.
func (s *server) serve(c conn) error {
	for {
		if err := c.SetReadDeadline(app.Deadline(s.idle)); err != nil {
			return err
		}
		if err := c.WaitReadable(); err != nil {
			if isTimeout(err) {
				return nil // idle for long enough
			}
			return err
		}
		if answered, err := s.answerPlain(c); err != nil {
			return err
		} else if answered {
			continue
		}
		again, err := s.burst(c)
		if !again || err != nil {
			return err
		}
	}
}

// burst answers requests as long as more has come already. It reports whether the
// connection stays open.
func (s *server) burst(c conn) (again bool, err error) {
	r := takeReader(c)
	defer r.release()
	c.SetBusy(true)
	defer c.SetBusy(false)
	for again = true; again; {
		if err := c.SetReadDeadline(app.Deadline(s.slow)); err != nil {
			return false, err
		}
		r.left = maxHeader
		req, err := http.ReadRequest(r.buf)
		if err != nil || !app.ProperNames(req.Header) {
			return false, s.refuse(c, r)
		}
		s.requests.Add(1)
		r.left = maxBody
		again = s.answer(c, req) && s.dropBody(req)
		if r.buf.Buffered() == 0 && !c.Pending() {
			break
		}
	}
	return again && !c.Draining(), nil
}

// dropBody reads what a request carried, so that the next one can be read.
func (s *server) dropBody(req *http.Request) bool {
	if req.Body == http.NoBody {
		return true
	}
	_, err := io.Copy(io.Discard, req.Body)
	return err == nil
}

// refuse answers a request that can not be read, if there is one.
func (s *server) refuse(c conn, r *reader) error {
	w := response{c: c, close: true}
	switch {
	case r.left <= 0:
		w.fail(http.StatusRequestHeaderFieldsTooLarge, "request header too large")
	case isTimeout(r.err):
		w.fail(http.StatusRequestTimeout, "request took too long")
	case r.err != nil:
		return nil // the peer went away
	default:
		w.fail(http.StatusBadRequest, "malformed request")
	}
	return s.linger(c)
}

// linger reads on for a little after the last answer: a peer whose bytes nobody
// reads gets a reset, which can overtake the answer.
func (s *server) linger(c conn) error {
	if err := c.CloseWrite(); err != nil {
		return err
	}
	if err := c.SetReadDeadline(time.Now().Add(lingerTime)); err != nil {
		return err
	}
	_, _ = io.CopyN(io.Discard, c, maxBody) // however it ends
	return nil
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// answer answers one request and reports whether the connection may stay open.
func (s *server) answer(c conn, req *http.Request) bool {
	w := response{c: c, req: req, close: req.Close || c.Draining() || !req.ProtoAtLeast(1, 1) && !keepAlive(req)}
	if len(req.TransferEncoding) != 0 {
		// It may have carried a Content-Length, too, which net/http has dropped; what a
		// proxy takes for the next request is not to be read (RFC 9112, section 6.3).
		w.close = true
	}
	switch {
	case req.ProtoMajor != 1:
		w.close = true
		w.fail(http.StatusHTTPVersionNotSupported, "HTTP/1 only")
	case req.ProtoAtLeast(1, 1) && req.Host == "":
		w.close = true
		w.fail(http.StatusBadRequest, "missing Host header")
	case req.Method != http.MethodGet && req.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		w.fail(http.StatusMethodNotAllowed, "method not allowed")
	case req.URL.Path == "/_stats":
		s.stats(&w)
	case strings.HasPrefix(req.URL.Path, "/"):
		s.file(&w)
	default:
		w.fail(http.StatusBadRequest, "malformed path")
	}
	w.finish()
	return !w.close && w.err == nil
}

func keepAlive(req *http.Request) bool {
	return strings.EqualFold(req.Header.Get("Connection"), "keep-alive")
}
