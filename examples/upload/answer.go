package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/headrace/headrace/runtime/fiber"
)

// refusal is an error that the client is told.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string { return r.text }

var errNameTooLong = refusal{http.StatusRequestURITooLong, "the name is too long"}

// refusalOf is what the client is told of an error of the file system.
func refusalOf(err error) refusal {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return refusal{http.StatusNotFound, "not found"}
	case errors.Is(err, fs.ErrPermission):
		return refusal{http.StatusForbidden, "forbidden"}
	case errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return refusal{http.StatusConflict, "something else has that name"}
	case errors.Is(err, syscall.ENAMETOOLONG):
		return errNameTooLong
	case errors.Is(err, syscall.ENOSPC):
		return refusal{http.StatusInsufficientStorage, "no room left"}
	case isTimeout(err):
		return refusal{http.StatusRequestTimeout, "nothing came for too long"}
	}
	var errno syscall.Errno
	var p *fs.PathError
	if errors.As(err, &p) && !errors.As(err, &errno) {
		return refusal{http.StatusForbidden, "outside of the folder"} // as os.Root says
	}
	return refusal{http.StatusInternalServerError, "it did not work"}
}

// answer is the answer to one request.
type answer struct {
	c      *fiber.Conn
	req    *http.Request // nil if it could not be read
	header headers
	close  bool // the connection ends after it
}

// headers are the fields of an answer, in order.
type headers struct{ b bytes.Buffer }

// Set adds a field.
func (h *headers) Set(name, value string) { fmt.Fprintf(&h.b, "%s: %s\r\n", name, value) }

// offset tells how much of a file is there, in the terms of the resumable uploads
// for HTTP that the IETF works on.
func (a *answer) offset(have int64, complete bool) {
	a.header.Set("Upload-Offset", strconv.FormatInt(have, 10))
	mark := "?0"
	if complete {
		mark = "?1"
	}
	a.header.Set("Upload-Complete", mark)
}

// head makes the header of an answer whose body has n bytes.
func (a *answer) head(status int, n int64) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	fmt.Fprintf(&b, "Date: %s\r\n", time.Now().UTC().Format(http.TimeFormat))
	if status != http.StatusNoContent {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", n)
	}
	if a.close {
		b.WriteString("Connection: close\r\n")
	}
	b.Write(a.header.b.Bytes())
	b.WriteString("\r\n")
	return b.Bytes()
}

// send answers with a short body, of which HEAD gets the length.
func (a *answer) send(status int, n int64, body string) error {
	if _, err := a.c.Write(a.head(status, n)); err != nil {
		return err
	}
	if a.req != nil && a.req.Method == http.MethodHead {
		return nil
	}
	_, err := a.c.WriteString(body)
	return err
}
