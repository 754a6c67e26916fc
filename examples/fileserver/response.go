package main

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// response is the http.ResponseWriter of one request. What is written leaves with
// the next turn of the loop: header and body together.
type response struct {
	c      conn
	req    *http.Request
	header http.Header
	wrote  bool
	close  bool  // close the connection after this response
	length int64 // body bytes still to come, -1 if not known
	err    error
}

// Header returns the header that WriteHeader will send.
func (w *response) Header() http.Header {
	if w.header == nil {
		w.header = make(http.Header, 8)
	}
	return w.header
}

// WriteHeader sends the header. A body needs a Content-Length: everything here
// has one.
func (w *response) WriteHeader(status int) {
	if w.wrote {
		return
	}
	w.wrote = true
	w.length = 0
	if bodyAllowed(status) {
		n, err := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64)
		if err != nil {
			n, w.close = -1, true // the end of the connection is the end of the body
		}
		w.length = n
	}
	var head headWriter
	head.status(status)
	head.field("Date", httpDate(time.Now()))
	for name, values := range w.header {
		for _, v := range values {
			head.field(name, v)
		}
	}
	if w.close {
		head.field("Connection", "close")
	} else if w.req != nil && !w.req.ProtoAtLeast(1, 1) {
		head.field("Connection", "keep-alive")
	}
	w.write(head.end())
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// Write sends a part of the body.
func (w *response) Write(p []byte) (int, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	if w.headOnly() {
		return len(p), nil
	}
	if w.length >= 0 && int64(len(p)) > w.length {
		return 0, http.ErrContentLength
	}
	n := w.write(p)
	if w.length >= 0 {
		w.length -= int64(n)
	}
	return n, w.err
}

// ReadFrom sends a file's range without reading it, if r is one.
func (w *response) ReadFrom(r io.Reader) (int64, error) {
	lr, ok := r.(*io.LimitedReader)
	if ok && w.wrote && !w.headOnly() {
		if v, ok := lr.R.(*view); ok {
			n, err := w.sendFile(nil, v.entry, v.off, min(lr.N, v.entry.size-v.off))
			v.off += n
			lr.N -= n
			return n, err
		}
	}
	return io.Copy(struct{ io.Writer }{w}, r)
}

// sendFile sends head, if any, and a part of the body from a file.
func (w *response) sendFile(head []byte, e *entry, off, n int64) (int64, error) {
	n, err := w.c.SendFile(head, e.file, off, n)
	w.length -= n
	if err != nil && w.err == nil {
		w.err = err
	}
	return n, err
}

func (w *response) write(p []byte) int {
	if w.err != nil {
		return 0
	}
	n, err := w.c.Write(p)
	w.err = err
	return n
}

func (w *response) headOnly() bool { return w.req != nil && w.req.Method == http.MethodHead }

// fail answers with a line of text.
func (w *response) fail(status int, text string) {
	text += "\n"
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // kept in w.err
}

// finish ends the response. A body that is shorter than was promised can only be
// told by the end of the connection.
func (w *response) finish() {
	if !w.wrote {
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusOK)
	}
	if w.length > 0 && !w.headOnly() && w.err == nil {
		w.close = true
		w.err = errors.New("response is shorter than its Content-Length")
	}
}
