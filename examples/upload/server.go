package main

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/examples/internal/app"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
)

// server takes files into one folder.
type server struct {
	rt       *runtime.Runtime
	files    *store
	max      limits
	sync     bool
	digest   bool
	progress *progress

	running  atomic.Int64
	complete atomic.Uint64
	partial  atomic.Uint64
	refused  atomic.Uint64
	bytes    atomic.Int64
}

// serve answers the requests of one connection, one after the other.
func (s *server) serve(c *fiber.Conn) error {
	for {
		if err := c.SetReadDeadline(app.Deadline(s.max.idle)); err != nil {
			return err
		}
		if err := c.WaitReadable(); err != nil {
			return err
		}
		c.SetBusy(true)
		again, err := s.request(c)
		c.SetBusy(false)
		if err != nil || !again || c.Draining() {
			return err
		}
	}
}

var headEnd = []byte("\r\n\r\n")

// request reads one header and answers it. The body is read by whoever has a use
// for it, from where it is.
func (s *server) request(c *fiber.Conn) (again bool, err error) {
	if err := c.SetReadDeadline(app.Deadline(s.max.slow)); err != nil {
		return false, err
	}
	a := &answer{c: c, close: true}
	head, err := c.ReadUntil(headEnd, s.max.header)
	switch {
	case errors.Is(err, fiber.ErrTooLong):
		return false, s.refuse(a, refusal{http.StatusRequestHeaderFieldsTooLarge, "request header too large"})
	case isTimeout(err):
		return false, s.refuse(a, refusal{http.StatusRequestTimeout, "request took too long"})
	case err != nil:
		return false, nil // the peer went away
	}
	if err := checkHead(head.Bytes()); err != nil {
		head.Release()
		return false, s.refuse(a, err)
	}
	req, err := http.ReadRequest(bufio.NewReader(&head))
	head.Release()
	if err != nil {
		return false, s.refuse(a, refusal{http.StatusBadRequest, "malformed request"})
	}
	a.req = req
	a.close = req.Close || !req.ProtoAtLeast(1, 1) || c.Draining()
	if err := s.answer(a); err != nil {
		return false, s.refuse(a, err)
	}
	return !a.close, nil
}

// answer answers a request, or returns why not.
func (s *server) answer(a *answer) error {
	req := a.req
	switch {
	case req.ProtoMajor != 1:
		return refusal{http.StatusHTTPVersionNotSupported, "HTTP/1 only"}
	case req.ProtoAtLeast(1, 1) && req.Host == "":
		return refusal{http.StatusBadRequest, "missing Host header"}
	}
	name, err := cleanName(req.URL.Path)
	if err != nil {
		return err
	}
	if req.Method == http.MethodPut {
		return s.put(a, name)
	}
	if req.ContentLength != 0 {
		a.close = true // nobody reads it
	}
	switch req.Method {
	case http.MethodGet:
		return s.get(a, name)
	case http.MethodHead:
		return s.head(a, name)
	}
	a.header.Set("Allow", "GET, HEAD, PUT")
	return refusal{http.StatusMethodNotAllowed, "method not allowed"}
}

// get sends a complete file.
func (s *server) get(a *answer, name string) error {
	f, size, err := s.files.openComplete(a.c, name)
	if err != nil {
		return err
	}
	defer f.Close()
	a.header.Set("Content-Type", "application/octet-stream")
	a.header.Set("X-Content-Type-Options", "nosniff")
	_, err = a.c.SendFile(a.head(http.StatusOK, size), f, 0, size)
	if err != nil {
		a.close = true // the connection has ended already
	}
	return nil
}

// head tells how much of a file is there: all of it, or a part to go on from.
func (s *server) head(a *answer, name string) error {
	have, complete, err := s.files.size(a.c, name)
	if err != nil {
		return err
	}
	a.offset(have, complete)
	if complete {
		return a.send(http.StatusOK, have, "")
	}
	return a.send(http.StatusNoContent, 0, "")
}

// lingerTime and lingerBytes bound how much a peer may send after a refusal.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 1 << 20
)

// refuse answers with an error, and ends the connection if there is a body that
// nobody reads.
func (s *server) refuse(a *answer, err error) error {
	s.refused.Add(1)
	var r refusal
	if !errors.As(err, &r) {
		r = refusalOf(err)
		if r != errNameTooLong { // which is the client's doing alone
			s.rt.Logger().Warn("request failed", "err", err)
		}
	}
	if a.c.Conn().Closing() {
		return nil
	}
	a.close = true
	if err := a.send(r.status, int64(len(r.text)+1), r.text+"\n"); err != nil {
		return err
	}
	// A peer whose bytes nobody reads gets a reset, which can overtake the answer.
	if err := a.c.CloseWrite(); err != nil {
		return err
	}
	if err := a.c.SetReadDeadline(time.Now().Add(lingerTime)); err != nil {
		return err
	}
	_, _ = io.CopyN(io.Discard, a.c, lingerBytes) // however it ends
	return nil
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// wantsContinue reports whether the client waits for a word before it sends.
func wantsContinue(req *http.Request) bool {
	return strings.EqualFold(req.Header.Get("Expect"), "100-continue") && req.ProtoAtLeast(1, 1)
}
