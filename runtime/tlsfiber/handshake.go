package tlsfiber

import (
	"errors"
	"iter"
	"net"
	"time"
)

// Handshake does the handshake, if it has not been done. The first Read or Write
// does it, too; its error is that of every call from then on. The error is a
// *net.OpError around crypto/tls's own, or around that of the connection.
func (c *Conn) Handshake() error {
	if c.ready || c.err != nil {
		return c.err
	}
	// Asked now, for errors: a connection that was reset has no peer any more.
	local, remote := c.fc.LocalAddr(), c.fc.RemoteAddr()
	if limit := c.cfg.handshakeTimeout(); limit > 0 {
		by := time.Now().Add(limit)
		// A connection that has ended says so below.
		_ = c.fc.SetReadDeadline(earlier(c.readBy, by))
		_ = c.fc.SetWriteDeadline(earlier(c.writeBy, by))
	}
	var err error
	if c.cfg.OnLoop && c.shared.mayOnLoop() {
		err = c.handshakeOnLoop()
	} else {
		err = c.handshakeAway(&away{local: local, remote: remote})
	}
	c.handshaken(err != nil)
	if err != nil {
		c.err = c.handshakeError(err)
		return c.err
	}
	c.ready = true
	_ = c.fc.SetReadDeadline(c.readBy)
	_ = c.fc.SetWriteDeadline(c.writeBy)
	return nil
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// handshakeAway runs the handshake off the loop, a step for each record: the fiber
// waits for the record, an ordinary goroutine resumes the coroutine that makes
// something of it, and the fiber sends the answer.
//
// The coroutine is made by such a goroutine, not by the loop's, to whose thread it
// would be tied.
func (c *Conn) handshakeAway(a *away) (failed error) {
	defer func() {
		c.t.away = nil
		a.rec.Release()
	}()
	if !c.client {
		a.err = c.receive(a)
	}
	waits := !computes(c.cfg.TLS)
	var resume func() (struct{}, bool)
	for more := true; more; {
		c.t.away = a
		c.fc.Offload(func() {
			defer c.shared.turn(waits)()
			if resume == nil {
				resume, _ = iter.Pull(func(yield func(struct{}) bool) {
					a.yield = yield
					failed = c.tls.Handshake()
				})
			}
			_, more = resume()
		})
		c.t.away = nil
		if err := c.transmit(a); err != nil && a.err == nil {
			a.err = err
		}
		if more && a.err == nil {
			a.err = c.receive(a)
		}
	}
	return failed
}

// receive waits for a record and gives it to the handshake.
func (c *Conn) receive(a *away) error {
	if err := c.t.await(); err != nil {
		return err
	}
	a.rec.Release()
	a.rec = c.fc.Conn().Unread().Split(c.t.left)
	c.t.left = 0
	c.fc.Conn().Consumed()
	return nil
}

// transmit sends what the handshake wrote, an alert too.
func (c *Conn) transmit(a *away) error {
	if len(a.out) == 0 {
		return nil
	}
	_, err := c.fc.Write(a.out)
	a.out = a.out[:0]
	return err
}

// handshakeError says in which connection's handshake err happened.
func (c *Conn) handshakeError(err error) error {
	network := "tcp"
	if a := c.fc.LocalAddr(); a != nil {
		network = a.Network()
	}
	var inner *net.OpError
	if errors.As(err, &inner) && inner.Addr != nil {
		err = inner.Err // it names the same connection
	}
	return &net.OpError{Op: "handshake", Net: network, Source: c.fc.LocalAddr(), Addr: c.fc.RemoteAddr(), Err: err}
}
