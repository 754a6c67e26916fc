package main

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/headrace/headrace/examples/internal/app"
	"github.com/headrace/headrace/runtime/fiber"
)

// helloFiber serves one connection: requests in, greetings out, as long as the
// peer keeps it alive. While it waits for a request it has nothing to finish, and
// a shutdown of the runtime ends it.
func (o *options) helloFiber(c *fiber.Conn) error {
	if err := await(c, o.idle); err != nil {
		return err
	}
	in := &limited{c: c}
	r := bufio.NewReader(in)
	for !c.Draining() {
		if r.Buffered() == 0 {
			c.SetBusy(false)
			if err := await(c, o.idle); err != nil {
				return err
			}
		}
		c.SetBusy(true)
		if err := c.SetReadDeadline(app.Deadline(o.slow)); err != nil {
			return err
		}
		in.left = maxHeader
		req, err := http.ReadRequest(r)
		if err != nil {
			return err
		}
		if !app.ProperNames(req.Header) {
			return errHeader
		}
		in.left = maxBody
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return err
		}
		_, err = c.WriteString(responseTo(req))
		// A body of chunks may hide a second request from who read a length beside them.
		if err != nil || req.Close || len(req.TransferEncoding) > 0 {
			return err
		}
	}
	return nil
}

// responseTo is one of few texts, made once: HEAD gets the header only.
func responseTo(req *http.Request) string {
	text := response
	if !req.Close && !req.ProtoAtLeast(1, 1) {
		text = keptResponse
	}
	if req.Method == http.MethodHead {
		return text[:len(text)-len(greeting)]
	}
	return text
}

var errHeader = errors.New("malformed header")

// maxBody is how much a request may carry, which nobody wants.
const maxBody = 1 << 20

// await waits for the next request.
func await(c *fiber.Conn, idle time.Duration) error {
	if err := c.SetReadDeadline(app.Deadline(idle)); err != nil {
		return err
	}
	return c.WaitReadable()
}

// limited reads as much as a request may have.
type limited struct {
	c    *fiber.Conn
	left int
}

func (l *limited) Read(p []byte) (n int, err error) {
	if l.left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err = l.c.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
