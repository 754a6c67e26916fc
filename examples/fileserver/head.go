package main

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// headWriter builds the header of a response.
type headWriter struct{ b []byte }

var noBreaks = strings.NewReplacer("\r", " ", "\n", " ")

func (h *headWriter) status(code int) {
	h.b = make([]byte, 0, 512)
	h.b = append(h.b, "HTTP/1.1 "...)
	h.b = strconv.AppendInt(h.b, int64(code), 10)
	h.b = append(h.b, ' ')
	h.b = append(h.b, http.StatusText(code)...)
	h.b = append(h.b, "\r\n"...)
}

func (h *headWriter) field(name, value string) {
	h.b = append(h.b, name...)
	h.b = append(h.b, ": "...)
	h.b = append(h.b, noBreaks.Replace(value)...)
	h.b = append(h.b, "\r\n"...)
}

func (h *headWriter) end() []byte { return append(h.b, "\r\n"...) }

// dateCache is the Date header of one second.
type dateCache struct {
	second int64
	text   string
}

var lastDate atomic.Pointer[dateCache]

// httpDate formats a time for the Date header, once a second.
func httpDate(t time.Time) string {
	if d := lastDate.Load(); d != nil && d.second == t.Unix() {
		return d.text
	}
	d := &dateCache{second: t.Unix(), text: t.UTC().Format(http.TimeFormat)}
	lastDate.Store(d)
	return d.text
}
