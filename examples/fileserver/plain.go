package main

import (
	"bytes"
	"net/http"
	"time"
)

// answerPlain answers the request at the front of what was received if it is of the
// commonest kind: a GET of a file whose entry is fresh, all of its header here,
// nothing in it that changes the answer. It allocates nothing. Whatever else there is
// is net/http's to judge, and nothing was consumed of it.
func (s *server) answerPlain(sender conn) (answered bool, err error) {
	c, ok := sender.(plain)
	if !ok || c.Draining() {
		return false, nil
	}
	in := c.Conn.Conn().Unread()
	front := in.Front()
	if front == nil {
		return false, nil
	}
	name, size := plainGet(front.Bytes())
	if size == 0 {
		return false, nil
	}
	now := c.Loop().Now()
	e := s.files.cachedBytes(name, now)
	if e == nil {
		return false, nil
	}
	defer e.release()
	in.Discard(size)
	c.Conn.Conn().Consumed()
	s.requests.Add(1)
	_, err = c.SendFile(e.plainHead(now), e.file, 0, e.size)
	return true, err
}

// plainHead is the header of a full answer, made once a second.
func (e *entry) plainHead(now time.Time) []byte {
	if d := e.plain.Load(); d != nil && d.second == now.Unix() {
		return d.head
	}
	var h headWriter
	h.status(http.StatusOK)
	h.field("Date", httpDate(now))
	d := &datedHead{second: now.Unix(), head: append(h.b, e.head...)}
	e.plain.Store(d)
	return d.head
}

// datedHead is a header of one second.
type datedHead struct {
	second int64
	head   []byte
}

var (
	plainStart = []byte("GET /")
	plainProto = []byte(" HTTP/1.1\r\n")
	plainHost  = []byte("host")
)

// plainGet returns the name inside the folder and the length of the request at the
// front of p, or 0 if that is not all there, or not plain.
func plainGet(p []byte) (name []byte, size int) {
	if !bytes.HasPrefix(p, plainStart) {
		return nil, 0
	}
	rest := p[len(plainStart):]
	n := plainName(rest)
	if n == 0 || !bytes.HasPrefix(rest[n:], plainProto) {
		return nil, 0
	}
	name, rest = rest[:n], rest[n+len(plainProto):]
	hosts := 0
	for {
		end := bytes.IndexByte(rest, '\n')
		if end < 1 || rest[end-1] != '\r' {
			return nil, 0
		}
		line := rest[:end-1]
		rest = rest[end+1:]
		if len(line) == 0 {
			break
		}
		field, ok := plainField(line)
		if !ok {
			return nil, 0
		}
		if bytes.EqualFold(field, plainHost) {
			hosts++
		}
	}
	if hosts != 1 {
		return nil, 0
	}
	return name, len(p) - len(rest)
}

// plainName is the length of a path that means what it says: no escapes, no dots but
// inside of names, no empty parts.
func plainName(p []byte) int {
	last := byte('/')
	for i, c := range p {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		case (c == '.' || c == '/' || c == '_') && last != '/':
		case c == ' ' && last != '/':
			return i
		default:
			return 0
		}
		last = c
	}
	return 0
}

// changing are fields that ask for another answer than a file as it is.
var changing = [...]string{"connection", "content-length", "expect", "if-match", "if-modified-since", "if-none-match",
	"if-range", "if-unmodified-since", "range", "te", "trailer", "transfer-encoding", "upgrade"}

// plainField returns the name of a field that is well formed, not empty, and changes
// nothing.
func plainField(line []byte) (field []byte, ok bool) {
	n := bytes.IndexByte(line, ':')
	if n < 1 {
		return nil, false
	}
	field = line[:n]
	for _, c := range field {
		if c != '-' && (c|0x20 < 'a' || c|0x20 > 'z') {
			return nil, false
		}
	}
	value := line[n+1:]
	if len(value) < 2 || value[0] != ' ' || value[1] == ' ' {
		return nil, false
	}
	for _, c := range value {
		if c < ' ' || c == 0x7f {
			return nil, false
		}
	}
	for i := range changing {
		if len(changing[i]) == n && field[0]|0x20 == changing[i][0] && bytes.EqualFold(field, []byte(changing[i])) {
			return nil, false
		}
	}
	return field, true
}
