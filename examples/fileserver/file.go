package main

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"
)

// file answers a request for something in the folder.
func (s *server) file(w *response) {
	name, err := localName(w.req.URL.Path)
	if errors.Is(err, fs.ErrInvalid) {
		w.fail(http.StatusBadRequest, "invalid path")
		return
	}
	var e *entry
	if err == nil {
		e, err = s.entry(w, name)
	}
	switch {
	case err == nil:
		s.entryBody(w, e)
		e.release()
	case errors.Is(err, errNotPlain), strings.HasSuffix(name, "/"): // no index: a list, or no folder
		s.elsewhere(w, s.files.handler)
	case errors.Is(err, fs.ErrNotExist):
		w.fail(http.StatusNotFound, "not found")
	case errors.Is(err, fs.ErrPermission):
		w.fail(http.StatusForbidden, "forbidden")
	default:
		// os.Root says so of links that lead out of it.
		w.fail(http.StatusNotFound, "not found")
	}
}

// entry finds the open file; the disk is asked off the loop.
func (s *server) entry(w *response, name string) (e *entry, err error) {
	if e = s.files.cached(name, time.Now()); e != nil {
		return e, nil
	}
	w.c.Offload(func() { e, err = s.files.open(name) })
	return e, err
}

// conditional lists the headers with which a request asks for less than a file.
var conditional = []string{"Range", "If-Modified-Since", "If-None-Match", "If-Match", "If-Unmodified-Since", "If-Range"}

// entryBody answers with a file or what the request wants of it.
func (s *server) entryBody(w *response, e *entry) {
	for _, name := range conditional {
		if len(w.req.Header[name]) > 0 {
			s.partial(w, e)
			return
		}
	}
	var head headWriter
	head.status(http.StatusOK)
	head.field("Date", httpDate(time.Now()))
	if w.close {
		head.field("Connection", "close")
	} else if !w.req.ProtoAtLeast(1, 1) {
		head.field("Connection", "keep-alive")
	}
	w.wrote = true
	head.b = append(head.b, e.head...)
	if w.req.Method != http.MethodGet {
		w.write(head.b)
		return
	}
	w.length = e.size
	_, _ = w.sendFile(head.b, e, 0, e.size) // kept in w.err
}

// partial lets net/http work out ranges and conditions.
func (s *server) partial(w *response, e *entry) {
	h := w.Header()
	h.Set("Content-Type", e.ctype)
	h.Set("Etag", e.etag)
	serve := http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		http.ServeContent(rw, req, e.path, e.modTime, &view{entry: e})
	})
	if !strings.Contains(w.req.Header.Get("Range"), ",") {
		serve(w, w.req)
		return
	}
	// Several ranges are written by a goroutine of ServeContent's own: off the loop
	// with them, if they are small. A server may ignore ranges.
	if e.size > maxElsewhere {
		w.req.Header.Del("Range")
		serve(w, w.req)
		return
	}
	s.elsewhere(w, serve)
}

// maxElsewhere bounds answers that are made in memory.
const maxElsewhere = 4 << 20

// elsewhere runs a handler that may block on an ordinary goroutine and sends what
// it answered.
func (s *server) elsewhere(w *response, h http.Handler) {
	rec := httptest.NewRecorder()
	for name, values := range w.header {
		rec.Header()[name] = values
	}
	w.c.Offload(func() { h.ServeHTTP(rec, w.req) })
	w.header = rec.Header()
	if bodyAllowed(rec.Code) && w.header.Get("Content-Length") == "" {
		w.header.Set("Content-Length", itoa(rec.Body.Len()))
	}
	w.WriteHeader(rec.Code)
	_, _ = io.Copy(w, rec.Body) // kept in w.err
}
