package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
)

// span is which part of a file a request carries: size bytes from off, -1 if that is
// not known before its end; last, if the file is complete then.
type span struct {
	off, size int64
	last      bool
}

// spanOf reads Content-Length and Content-Range.
func spanOf(req *http.Request, largest int64) (s span, err error) {
	s = span{size: req.ContentLength, last: true}
	switch te := req.TransferEncoding; {
	case len(te) > 0 && (len(te) > 1 || te[0] != "chunked"):
		return s, refusal{http.StatusNotImplemented, "unknown Transfer-Encoding"}
	case len(te) == 0 && req.Header.Get("Content-Length") == "":
		return s, refusal{http.StatusLengthRequired, "Content-Length or chunked, please"}
	}
	if text := req.Header.Get("Content-Range"); text != "" {
		first, end, total, ok := parseRange(text)
		if !ok || s.size != end-first {
			return s, refusal{http.StatusBadRequest, "Content-Range is malformed or not as long as the body"}
		}
		s.off, s.last = first, end == total
		if total > largest {
			return s, errTooLarge
		}
	}
	if s.size > largest-s.off {
		return s, errTooLarge
	}
	return s, nil
}

// parseRange reads `bytes 0-99/1000`; end is behind the last byte.
func parseRange(text string) (first, end, total int64, ok bool) {
	text, ok = strings.CutPrefix(text, "bytes ")
	firstText, rest, ok1 := strings.Cut(text, "-")
	lastText, totalText, ok2 := strings.Cut(rest, "/")
	first, err1 := strconv.ParseInt(firstText, 10, 64)
	last, err2 := strconv.ParseInt(lastText, 10, 64)
	total, err3 := strconv.ParseInt(totalText, 10, 64)
	ok = ok && ok1 && ok2 && errors.Join(err1, err2, err3) == nil && 0 <= first && first <= last && last < total
	return first, last + 1, total, ok
}

var (
	errTooLarge = refusal{http.StatusRequestEntityTooLarge, "larger than the server takes"}
	errTooSlow  = refusal{http.StatusRequestTimeout, "slower than the server waits"}
)

// put takes a file, or a part of one.
func (s *server) put(a *answer, name string) error {
	part, err := spanOf(a.req, s.max.size)
	if err != nil {
		return err
	}
	wanted, err := wantedDigest(a.req.Header)
	if err != nil {
		return err
	}
	if s.running.Add(1) > s.max.uploads {
		s.running.Add(-1)
		a.header.Set("Retry-After", "10")
		return refusal{http.StatusServiceUnavailable, "too many uploads"}
	}
	defer s.running.Add(-1)
	if !s.files.lock(name) {
		return refusal{http.StatusConflict, "another upload of that name is under way"}
	}
	defer s.files.unlock(name)
	if s.arrives(a, part) {
		return s.putSmall(a, name, part.size, wanted)
	}
	f, have, err := s.files.openPart(a.c, name, part.off)
	if err != nil {
		return err
	}
	defer f.Close() // nothing to do where nothing has begun
	if have != part.off {
		a.offset(have, false)
		return refusal{http.StatusConflict, fmt.Sprintf("%d bytes are there: go on from them", have)}
	}
	return s.receive(a, name, f, part, wanted)
}

// receive writes the body to the file and answers.
func (s *server) receive(a *answer, name string, f *os.File, part span, wanted []byte) error {
	u := &upload{name: name, total: part.size, began: time.Now(), slow: s.max.slow, rate: s.max.rate, progress: s.progress}
	if part.last && (s.digest || wanted != nil) {
		u.hash = sha256.New()
		if err := hashBefore(a.c, u.hash, f, part.off); err != nil {
			return err
		}
		u.began = time.Now()
	}
	if wantsContinue(a.req) {
		if _, err := a.c.WriteString("HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return err
		}
	}
	n, err := s.body(a.c, f, part, u)
	s.progress.end(u)
	s.bytes.Add(n)
	if err != nil {
		s.partial.Add(1)
		a.c.Offload(func() { err = errors.Join(err, f.Truncate(part.off+n)) }) // what is there is right
		return err
	}
	if !part.last {
		s.partial.Add(1)
		a.offset(part.off+n, false)
		return a.send(http.StatusAccepted, 0, "")
	}
	return s.finish(a, name, part.off+n, u.sum(), wanted)
}

// finish gives a complete file its name, if it is what the client sent.
func (s *server) finish(a *answer, name string, size int64, sum, wanted []byte) error {
	if !matches(sum, wanted) {
		return s.spoiled(a, name)
	}
	replaced, err := s.files.finish(a.c, name, s.sync)
	if err != nil {
		return err
	}
	return s.stored(a, name, size, sum, replaced)
}

// spoiled drops what is not what the client meant.
func (s *server) spoiled(a *answer, name string) error {
	s.files.drop(a.c, name)
	return refusal{http.StatusBadRequest, "the checksum differs: nothing was kept"}
}

// stored answers for a complete file.
func (s *server) stored(a *answer, name string, size int64, sum []byte, replaced bool) error {
	s.complete.Add(1)
	status := http.StatusCreated
	if replaced {
		status = http.StatusOK
	}
	a.offset(size, true)
	if sum == nil {
		return a.send(status, 0, "")
	}
	a.header.Set(digestField, formatDigest(sum))
	text := fmt.Sprintf("%x  %s\n", sum, name)
	return a.send(status, int64(len(text)), text)
}

// upload sees the bytes of one request on their way to the disk.
type upload struct {
	name     string
	total    int64 // -1 if not known
	got      int64
	began    time.Time
	slow     time.Duration
	rate     int64
	hash     hash.Hash // nil if the file is not complete with this request, or without a checksum
	progress *progress
	shown    time.Time
}

// sum is the checksum of a complete file, nil if nobody wants it.
func (u *upload) sum() []byte {
	if u.hash == nil {
		return nil
	}
	return u.hash.Sum(nil)
}

// Write hashes, counts, and ends what comes too slowly: a client that sends a byte
// now and then would keep its place for ever.
func (u *upload) Write(p []byte) (int, error) {
	if u.hash != nil {
		u.hash.Write(p)
	}
	u.got += int64(len(p))
	if passed := time.Since(u.began); u.slow > 0 && passed > u.slow && float64(u.got) < passed.Seconds()*float64(u.rate) {
		return 0, errTooSlow
	}
	u.progress.show(u)
	return len(p), nil
}

// body writes a request's body to the file. n bytes are there, without a gap.
func (s *server) body(c *fiber.Conn, f *os.File, part span, u *upload) (n int64, err error) {
	c.Conn().SetReadTimeout(s.max.slow)
	if part.size >= 0 {
		n, err = c.RecvToFile(f, part.off, part.size, &runtime.RecvFile{Tee: u})
	} else {
		w := &chunkWriter{c: c, f: f, largest: s.max.size, u: u, slow: s.max.slow}
		err = w.run()
		n = w.written
	}
	c.Conn().SetReadTimeout(0) // a device may take its time
	if err == nil && s.sync && part.last {
		err = c.SyncFile(f)
	}
	return n, err
}
