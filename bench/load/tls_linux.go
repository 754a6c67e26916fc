//go:build linux

package load

import (
	"crypto/tls"
	"fmt"
	"io"
	"iter"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// tlsProto is httpProto's GET over TLS. crypto/tls runs as a coroutine for each connection, which the
// worker resumes when its socket has something.
type tlsProto struct {
	http  *httpProto
	churn churnProto // for its source addresses
	fresh bool       // a connection, with a full handshake, for each request
	cfg   *tls.Config
	conns []*tlsConn // by id
}

func newTLS(spec *Spec) *tlsProto {
	return &tlsProto{http: newHTTP(spec), fresh: spec.Kind == TLSChurn,
		// The certificate is the benchmark's own, made for this run. Servers that know a later key exchange would
		// do more in a handshake than those that do not: all have X25519.
		cfg: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"},
			CurvePreferences: []tls.CurveID{tls.X25519}}}
}

// tlsConn is the net.Conn below a tls.Conn: reads let the worker go on.
type tlsConn struct {
	c      *conn
	yield  func(struct{}) bool
	resume func() (struct{}, bool)
	stop   func()
	err    error // why talking ended
}

func (p *tlsProto) begin(w *worker, c *conn) error {
	for len(p.conns) <= int(c.id) {
		p.conns = append(p.conns, nil)
		p.http.reqs = append(p.http.reqs, nil)
	}
	p.http.reqs[c.id] = p.http.request(w.spec, c.id)
	t := &tlsConn{c: c}
	p.conns[c.id] = t
	t.resume, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		for t.err == nil && !w.draining {
			t.err = p.talk(w, t)
		}
	})
	return p.readable(w, c)
}

func (p *tlsProto) readable(_ *worker, c *conn) error {
	t := p.conns[c.id]
	if _, more := t.resume(); !more {
		return t.err
	}
	return nil
}

// talk asks once over a connection of its own, or on and on over the one there is.
func (p *tlsProto) talk(w *worker, t *tlsConn) error {
	c := t.c
	w.ask(c, nanotime())
	if p.fresh {
		if err := p.connect(w, c); err != nil {
			return err
		}
	}
	tc := tls.Client(t, p.cfg)
	if err := p.ask(w, c, tc); err != nil {
		return err
	}
	for !p.fresh && !w.draining {
		w.ask(c, nanotime())
		if err := p.ask(w, c, tc); err != nil {
			return err
		}
	}
	err := tc.Close()
	unix.Close(c.fd)
	c.fd = -1
	return err
}

func (p *tlsProto) connect(w *worker, c *conn) error {
	fd, err := newSocket(0)
	if err != nil {
		return err
	}
	c.fd = fd
	if err := p.churn.bindSource(fd); err != nil {
		return err
	}
	if err := unix.Connect(fd, w.to); err != nil {
		return fmt.Errorf("load: connect: %w", err)
	}
	return watch(w.ep, fd, c.id)
}

func (p *tlsProto) ask(w *worker, c *conn, tc *tls.Conn) error {
	c.got, c.inBody = 0, false
	if _, err := tc.Write(p.http.reqs[c.id]); err != nil {
		return err
	}
	for {
		// The scratch is everybody's, and waiting lets others have it: what is read is used at once.
		n, err := tc.Read(w.scratch)
		if err != nil {
			return err
		}
		complete, err := p.http.take(w, c, w.scratch[:n])
		if err != nil {
			return err
		}
		if complete {
			w.done(c, nanotime(), 1)
			return nil
		}
	}
}

// end ends the coroutines, on the thread that they belong to.
func (p *tlsProto) end() {
	for _, t := range p.conns {
		t.stop()
	}
}

func (p *tlsProto) tick(*worker, int64) int { return pollMs }

func (t *tlsConn) Read(b []byte) (int, error) {
	for {
		n, errno := recv(t.c.fd, b)
		switch {
		case errno == unix.EAGAIN:
			if !t.yield(struct{}{}) {
				return 0, errStop
			}
		case errno == unix.EINTR:
		case errno != 0:
			return 0, fmt.Errorf("load: recv: %w", errno)
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// Write sends what is always small enough for the socket.
func (t *tlsConn) Write(b []byte) (int, error) {
	n, errno := send(t.c.fd, b)
	if errno != 0 {
		return 0, fmt.Errorf("load: send: %w", errno)
	}
	if n < len(b) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

func (t *tlsConn) Close() error                     { return nil }
func (t *tlsConn) LocalAddr() net.Addr              { return nil }
func (t *tlsConn) RemoteAddr() net.Addr             { return nil }
func (t *tlsConn) SetDeadline(time.Time) error      { return nil }
func (t *tlsConn) SetReadDeadline(time.Time) error  { return nil }
func (t *tlsConn) SetWriteDeadline(time.Time) error { return nil }
