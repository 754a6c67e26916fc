//go:build linux

package load

import (
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// fullCheckEvery is how often all bytes of an answer are compared, not its ends alone.
const fullCheckEvery = 64

// echoProto keeps Depth messages in flight: it sends them as one write and waits for all of them.
// With once it does so a single time: the server has touched whatever it keeps for a connection, and
// from then on the connection is idle.
type echoProto struct {
	batch int
	depth int
	once  bool
}

func (e *echoProto) begin(w *worker, c *conn) error {
	// Start connections at different positions, so that one's bytes are wrong for another.
	c.sent = uint64(c.id) * 977
	c.got = c.sent
	return e.next(w, c, nanotime())
}

func (e *echoProto) next(w *worker, c *conn, now int64) error {
	b := w.pat.at(c.sent, e.batch)
	c.sent += uint64(e.batch)
	c.need = e.batch
	w.ask(c, now)
	return w.write(c, b)
}

func (e *echoProto) readable(w *worker, c *conn) error {
	for {
		// One byte at the least, so that the end of an idle connection is seen.
		buf := w.scratch[:max(1, min(c.need, len(w.scratch)))]
		n, errno := recv(c.fd, buf)
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
		if c.need == 0 {
			return fmt.Errorf("%w: connection %d got more", ErrBytes, c.id)
		}
		if err := w.check(c, buf[:n]); err != nil {
			return err
		}
		if c.need -= n; c.need > 0 {
			if n < len(buf) && !c.ended {
				return nil // the socket is empty: a new edge will come
			}
			continue
		}
		now := nanotime()
		w.done(c, now, e.depth)
		if !e.once && !w.draining {
			if err := e.next(w, c, now); err != nil {
				return err
			}
		}
		// Nothing but an end can be left in the socket, so there is no need to read until EAGAIN.
		if !c.ended {
			return nil
		}
	}
}

func (e *echoProto) tick(*worker, int64) int { return pollMs }

// check compares received bytes with the stream and moves on in it.
func (w *worker) check(c *conn, b []byte) error {
	ok := w.pat.ends(b, c.got)
	if ok && c.ops%fullCheckEvery == 0 {
		ok = w.pat.full(b, c.got)
	}
	if !ok {
		return fmt.Errorf("%w: connection %d, byte %d", ErrBytes, c.id, c.got)
	}
	c.got += uint64(len(b))
	w.bytes += int64(len(b))
	return nil
}
