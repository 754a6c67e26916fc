//go:build linux

package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"golang.org/x/sys/unix"
)

// ErrHTTP reports an answer that is no HTTP/1.1 answer of the expected status and length.
var ErrHTTP = errors.New("load: bad HTTP answer")

var (
	headEnd       = []byte("\r\n\r\n")
	contentLength = []byte("\r\ncontent-length:")
)

// httpProto asks and waits for the whole answer, over one kept connection each.
type httpProto struct {
	method string
	body   int  // bytes to send with each request
	length int  // the Content-Length every answer must have, -1 for any
	check  bool // the answer's body is the pattern from its start
	once   bool // one request for each connection
	reqs   [][]byte
}

func newHTTP(spec *Spec) *httpProto {
	h := &httpProto{method: "GET", length: spec.Size, check: spec.Check}
	if spec.Kind == Put {
		h.method, h.body, h.length = "PUT", spec.Size, -1
	}
	return h
}

// request is the head of what connection id sends. An upload has a name of its own for each one.
func (h *httpProto) request(spec *Spec, id int32) []byte {
	path := spec.Path
	if h.method == "PUT" {
		path += strconv.Itoa(int(id))
	}
	b := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n", h.method, path, spec.Addr)
	if h.method == "PUT" {
		b = fmt.Appendf(b, "Content-Length: %d\r\n", h.body)
	}
	return append(b, '\r', '\n')
}

func (h *httpProto) begin(w *worker, c *conn) error {
	for len(h.reqs) <= int(c.id) {
		h.reqs = append(h.reqs, nil)
	}
	h.reqs[c.id] = h.request(w.spec, c.id)
	return h.next(w, c, nanotime())
}

func (h *httpProto) next(w *worker, c *conn, now int64) error {
	w.ask(c, now)
	c.got, c.inBody = 0, false
	c.body, c.done = h.body, 0
	return w.write(c, h.reqs[c.id])
}

func (h *httpProto) readable(w *worker, c *conn) error {
	for {
		n, errno := recv(c.fd, w.scratch)
		switch {
		case errno == unix.EAGAIN:
			return nil
		case errno == unix.EINTR:
			continue
		case errno != 0:
			return fmt.Errorf("load: recv: %w", errno)
		case n == 0:
			return io.ErrUnexpectedEOF
		}
		complete, err := h.take(w, c, w.scratch[:n])
		if err != nil {
			return err
		}
		if complete {
			now := nanotime()
			w.done(c, now, 1)
			if !h.once && !w.draining {
				if err := h.next(w, c, now); err != nil {
					return err
				}
			}
		}
		// A short read emptied the socket, and after an answer nothing is there before the next request. Only an
		// end that was reported already has to be read.
		if !c.ended && (complete || n < len(w.scratch)) {
			return nil
		}
	}
}

// take consumes received bytes and tells whether they complete the answer.
func (h *httpProto) take(w *worker, c *conn, b []byte) (bool, error) {
	if !c.inBody {
		var err error
		if b, err = h.takeHead(c, b); err != nil || !c.inBody {
			return false, err
		}
	}
	if len(b) > c.need {
		return false, fmt.Errorf("%w: %d bytes after its end", ErrHTTP, len(b)-c.need)
	}
	if len(b) > 0 {
		if err := h.takeBody(w, c, b); err != nil {
			return false, err
		}
	}
	return c.need == 0, nil
}

func (h *httpProto) takeBody(w *worker, c *conn, b []byte) error {
	c.need -= len(b)
	if h.check {
		return w.check(c, b)
	}
	w.bytes += int64(len(b))
	return nil
}

// takeHead returns what follows the head once it is complete; until then it keeps the part that came.
func (h *httpProto) takeHead(c *conn, b []byte) ([]byte, error) {
	// A terminator may straddle two receives, so a head that comes in parts is joined.
	if len(c.head) > 0 {
		c.head = append(c.head, b...)
		b = c.head
	}
	end := bytes.Index(b, headEnd)
	if end < 0 {
		if len(b) > 16<<10 {
			return nil, fmt.Errorf("%w: its head has no end", ErrHTTP)
		}
		if len(c.head) == 0 {
			c.head = append(c.head, b...)
		}
		return nil, nil
	}
	n, err := parseHead(b[:end+2])
	if err != nil {
		return nil, err
	}
	if h.length >= 0 && n != h.length {
		return nil, fmt.Errorf("%w: length %d, want %d", ErrHTTP, n, h.length)
	}
	c.need, c.inBody = n, true
	rest := b[end+len(headEnd):]
	c.head = c.head[:0]
	return rest, nil
}

// parseHead returns the Content-Length of an answer with a status of 2xx. head ends with a line end.
func parseHead(head []byte) (int, error) {
	if len(head) < 12 || string(head[:8]) != "HTTP/1.1" || head[9] != '2' {
		return 0, fmt.Errorf("%w: %q", ErrHTTP, head[:min(len(head), 60)])
	}
	for i := 0; i+len(contentLength) < len(head); i++ {
		if head[i] != '\r' || !bytes.EqualFold(head[i:i+len(contentLength)], contentLength) {
			continue
		}
		value := head[i+len(contentLength):]
		value = bytes.TrimSpace(value[:bytes.IndexByte(value, '\r')])
		n, err := strconv.Atoi(string(value))
		if err != nil || n < 0 {
			return 0, fmt.Errorf("%w: length %q", ErrHTTP, value)
		}
		return n, nil
	}
	if string(head[9:12]) == "204" {
		return 0, nil
	}
	return 0, fmt.Errorf("%w: no Content-Length", ErrHTTP)
}

func (h *httpProto) tick(*worker, int64) int { return pollMs }
