//go:build linux

package load

import (
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

const (
	// slowReceiveBuffer is what a slow peer's kernel holds for it: the server has to keep the rest.
	slowReceiveBuffer = 16 << 10
	// slowStepMs is how often a slow peer reads.
	slowStepMs = 20
)

// slowProto is httpProto with a reader that takes Rate bytes a second and no more.
type slowProto struct {
	http *httpProto
	last int64
	rate float64 // bytes a nanosecond
}

func newSlow(spec *Spec) (*slowProto, error) {
	if spec.Rate <= 0 {
		return nil, fmt.Errorf("load: slow peers need a rate, got %g", spec.Rate)
	}
	return &slowProto{http: newHTTP(spec), rate: spec.Rate / 1e9}, nil
}

func (s *slowProto) begin(w *worker, c *conn) error { return s.http.begin(w, c) }

// readable does nothing: a slow peer reads when its time has come.
func (s *slowProto) readable(*worker, *conn) error { return nil }

func (s *slowProto) tick(w *worker, now int64) int {
	if s.last == 0 {
		s.last = now
	}
	passed := now - s.last
	if passed < slowStepMs*1e6 {
		return int(slowStepMs - passed/1e6)
	}
	s.last = now
	for i := range w.conns {
		c := &w.conns[i]
		if c.fd < 0 {
			continue
		}
		// What it did not get in time it may not catch up with, beyond one step: it is a slow line.
		c.credit = min(c.credit+s.rate*float64(passed), 2*s.rate*slowStepMs*1e6)
		if err := s.read(w, c); err != nil {
			w.drop(c, err)
		}
	}
	return slowStepMs
}

func (s *slowProto) read(w *worker, c *conn) error {
	for c.credit >= 1 {
		n, errno := recv(c.fd, w.scratch[:min(int(c.credit), len(w.scratch))])
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
		w.hear(c)
		c.credit -= float64(n)
		complete, err := s.http.take(w, c, w.scratch[:n])
		if err != nil {
			return err
		}
		if complete {
			now := nanotime()
			w.done(c, now, 1)
			if err := s.http.next(w, c, now); err != nil {
				return err
			}
		}
	}
	return nil
}
