package portable

import (
	"io"
	"net"
	"time"

	"github.com/headrace/headrace/runtime/driver"
)

// past is a deadline that ends any call at once.
var past = time.Unix(1, 0)

// listener is a net.Listener whose Accept can be ended.
type listener interface {
	net.Listener
	SetDeadline(time.Time) error
}

// sock is a socket of the engine: one of conn, ln and pkt is set.
type sock struct {
	id   driver.Socket
	conn net.Conn
	ln   listener
	pkt  net.PacketConn

	plain          bool // conn is package net's own, with no Write on top
	now            nowWriter
	rd, wr         lane
	rdPast, wrPast bool // a deadline in the past is set
	full           bool // the last read filled its block
	readClosed     bool
	keepAlive      bool
	ops            int     // in flight, but for Close
	closing        *flight // the Close

	settings []setting // of a listener, for the connections it accepts

	held    []byte // read before a Cancel, when there was no chunk to deliver it in
	sendErr error  // met after a part was sent, for the next Send
}

// adopt gives a place to x, a net.Conn, listener or net.PacketConn.
func (e *engine) adopt(x any) *sock {
	s := &sock{rd: lane{free: 1}, wr: lane{free: 1}}
	switch x := x.(type) {
	case *net.UDPConn:
		s.pkt = x
	case *net.UnixConn:
		if s.conn = x; x.LocalAddr() != nil && x.LocalAddr().Network() == "unixgram" {
			s.conn, s.pkt = nil, x
		}
	case net.Conn:
		s.conn = x
	case listener:
		s.ln = x
	case net.PacketConn:
		s.pkt = x
	default:
		return nil
	}
	if s.plain = plain(s.conn); s.plain {
		s.now.init(s.conn)
	}
	if n := len(e.unused); n > 0 {
		s.id = e.unused[n-1]
		e.unused = e.unused[:n-1]
		e.socks[s.id] = s
	} else {
		s.id = driver.Socket(len(e.socks))
		e.socks = append(e.socks, s)
	}
	e.stats.SocketsOpen++
	return s
}

// plain tells whether c may be written to by other means than its Write. What is built on
// one of these has all their methods, too, and can have a Write of its own.
func plain(c net.Conn) bool {
	switch c.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}

func (e *engine) forget(s *sock) {
	e.socks[s.id] = nil
	e.unused = append(e.unused, s.id)
	e.stats.SocketsOpen--
}

// lookup returns nil for what is no open socket.
func (e *engine) lookup(id driver.Socket) *sock {
	if id < 0 || int(id) >= len(e.socks) {
		return nil
	}
	return e.socks[id]
}

// takes tells whether an operation makes sense on this kind of socket.
func (s *sock) takes(code driver.Code) bool {
	switch code {
	case driver.Accept:
		return s.ln != nil
	case driver.RecvFrom, driver.SendTo:
		return s.pkt != nil
	case driver.RecvPipe, driver.SendPipe:
		return false
	default:
		return s.conn != nil
	}
}

// any returns the socket as package net has it.
func (s *sock) any() io.Closer {
	switch {
	case s.conn != nil:
		return s.conn
	case s.ln != nil:
		return s.ln
	default:
		return s.pkt
	}
}

func (s *sock) setReadDeadline(t time.Time) {
	switch {
	case s.conn != nil:
		s.conn.SetReadDeadline(t)
	case s.ln != nil:
		s.ln.SetDeadline(t)
	default:
		s.pkt.SetReadDeadline(t)
	}
}

func (s *sock) setWriteDeadline(t time.Time) {
	if s.conn != nil {
		s.conn.SetWriteDeadline(t)
	} else if s.pkt != nil {
		s.pkt.SetWriteDeadline(t)
	}
}

func (s *sock) interruptRead() {
	s.rdPast = true
	s.setReadDeadline(past)
}

func (s *sock) interruptWrite() {
	s.wrPast = true
	s.setWriteDeadline(past)
}

// readyToRead lifts the deadline before another call in that direction.
func (s *sock) readyToRead() {
	if s.rdPast {
		s.rdPast = false
		s.setReadDeadline(time.Time{})
	}
}

func (s *sock) readyToWrite() {
	if s.wrPast {
		s.wrPast = false
		s.setWriteDeadline(time.Time{})
	}
}

// closeSocket takes in a Close: whatever else is in flight ends first.
func (e *engine) closeSocket(s *sock, fl *flight) {
	fl.s, s.closing = s, fl
	s.rd.cancel(e)
	s.wr.cancel(e)
	e.closeIfQuiet(s)
}

// closeIfQuiet closes a socket whose other operations are over. Closing gets a
// goroutine: with SO_LINGER it waits for the peer.
func (e *engine) closeIfQuiet(s *sock) {
	if s.closing != nil && s.ops == 0 {
		s.closing.phase = running
		go s.closing.close()
	}
}

func (fl *flight) close() {
	fl.err = bare(fl.s.close(fl.op.Abort))
	fl.e.queue.post(fl)
}

func (e *engine) socketClosed(fl *flight) {
	e.forget(fl.s)
	e.complete(fl, driver.Result{Err: fl.err})
}

func (s *sock) close(abort bool) error {
	if c, ok := s.conn.(interface{ SetLinger(int) error }); ok && abort {
		c.SetLinger(0) // on failure an orderly close is all there is
	}
	return s.any().Close()
}
