package runtime

import (
	"net"
	"time"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// Conn is a connection on a loop. Its methods are called on that loop's
// goroutine; from elsewhere use c.Loop().Post.
//
// An idle connection holds no buffers.
type Conn struct {
	loop    *Loop
	handler Handler
	state   connState
	sock    driver.Socket

	in  buffers.Chain // received, not taken by the handler
	out buffers.Chain // to be sent, the front perhaps in flight

	recvOp  driver.Op
	sendOp  driver.Op
	closeOp driver.Op

	prev, next *Conn // in loop.conns
	lastRead   int64 // loop time
	lastWrite  int64

	listener *Listener
	err      error     // why it ended; nil after an orderly end
	more     *connMore // what most connections do not use
}

// connMore is the part of a connection that idle and simple ones do without.
type connMore struct {
	files   []fileSend // SendFile, in order; memory queued behind each is in it
	fileExt driver.Ext
	full    *recvFull // RecvFull in progress
	splice  *splice   // what is received goes through a pipe
	timer   *Timer
	idle    time.Duration
	read    time.Duration
	write   time.Duration
	linger  int64         // loop time since which Close waits without progress
	every   int64         // how often to look whether a peer that is sent to takes bytes; 0: never
	looked  int64         // loop time of the last look
	pending driver.Unsent // what it saw
	landed  int           // bytes at the front of out that a zero-copy send took and still holds
	local   net.Addr
	remote  net.Addr
	value   any
	sizes   *Sizes // of its hint; nil: the configuration's
	expect  int64  // bytes that Write will still queue, as Expect said
	detach  DetachFunc
	lost    int // unsent at the end
}

// connState is a set of flags.
type connState uint32

const (
	stReceiving   connState = 1 << iota // recvOp is with the engine
	stStopping                          // and was asked to end
	stSending                           // sendOp is with the engine
	stReady                             // in loop.ready
	stDirty                             // in loop.dirty
	stPaused                            // reading paused by Pause
	stHeld                              // reading paused by a high mark
	stFull                              // unsent passed the high mark, Drained is due
	stFresh                             // received since the last Data
	stEOF                               // the peer sent its FIN
	stEOFTold                           // and the handler knows
	stFailed                            // receiving failed, with err
	stShutWrite                         // CloseWrite was asked for
	stWriteShut                         // and done
	stClosing                           // Close was asked for: send what is queued first
	stEnding                            // closeOp is with the engine
	stEnded                             // closeOp is done
	stShutdown                          // the handler was told of a Shutdown
	stReleased                          // and what was held is given back: Closed is due
	stCloseCalled                       // Closed was called
	stDetaching                         // Detach waits for receiving to stop
	stStayPaused                        // and Pause was called before or since: should it fail
	stRelayed                           // in a relay: what it sends is not what it reads
)

func (c *Conn) is(s connState) bool { return c.state&s != 0 }

// newborn is a connection that has no handler yet.
type newborn struct {
	sock   driver.Socket
	ln     *Listener // nil if it was dialed
	accept AcceptFunc
	// adopted: who gave it away hears of its end in any case
	adopted bool
}

// adopt makes the connection and asks for its handler.
func (l *Loop) adopt(b newborn) {
	c := &Conn{loop: l, sock: b.sock, listener: b.ln, lastRead: l.now, lastWrite: l.now}
	c.recvOp = driver.Op{Code: driver.Recv, Owner: c, Socket: b.sock}
	c.sendOp = driver.Op{Code: driver.Send, Owner: c, Socket: b.sock, Chain: &c.out}
	c.closeOp = driver.Op{Code: driver.Close, Owner: c, Socket: b.sock}
	l.conns.add(c)
	if opened := l.rt.cfg.Hooks.Opened; opened != nil {
		c.tellOpened(opened)
	}
	if b.adopted {
		c.lookShut()
	}
	c.setTimeouts(l.rt.cfg.IdleTimeout, l.rt.cfg.WriteTimeout)
	if !l.quitting || b.adopted {
		l.current = c
		c.handler = b.accept(c)
	}
	l.current = nil
	switch {
	case c.is(stEnded): // accept has detached it
		return
	case c.handler == nil && l.quit:
		c.fail(nil)
		return
	case c.handler == nil:
		c.Close() // what accept sent still leaves
		return
	case l.quit:
		c.abort(ErrClosed)
	}
	c.receive()
	l.current = c
	if h, ok := c.handler.(OpenHandler); ok {
		h.Open(c)
	}
	if l.quitting && !l.quit {
		c.shutdown() // it came too late to be told with the others
	}
	l.current = nil
}

// tellOpened calls the hook. A panic ends the connection, but whoever waits for that
// is still to be asked for a handler.
func (c *Conn) tellOpened(opened func(c *Conn)) {
	returned := false
	defer func() {
		if !returned {
			c.loop.contain("hook", recover())
		}
	}()
	c.loop.current = c
	opened(c)
	returned = true
}

// hasFiles reports whether files are queued for sending.
func (c *Conn) hasFiles() bool { return c.entries() > 0 }

// extra returns the rarely used part, making it.
func (c *Conn) extra() *connMore {
	if c.more == nil {
		c.more = &connMore{}
	}
	return c.more
}

// Loop returns the connection's loop.
func (c *Conn) Loop() *Loop { return c.loop }

// Handler returns the connection's handler.
func (c *Conn) Handler() Handler {
	if r, ok := c.handler.(*recvFile); ok {
		return r.next
	}
	return c.handler
}

// SetHandler gives the connection another handler, as after an upgrade of the
// protocol. What is unread goes to the new one with the next Data.
func (c *Conn) SetHandler(h Handler) {
	c.loop.mustRun("Conn.SetHandler")
	if r, ok := c.handler.(*recvFile); ok {
		r.next = h // once the transfer has ended
		return
	}
	c.handler = h
	if !c.in.Empty() {
		c.state |= stFresh
		c.markReady()
	}
}

// Value returns what SetValue stored: a place for the program's own state.
func (c *Conn) Value() any {
	if c.more == nil {
		return nil
	}
	return c.more.value
}

// SetValue stores v for Value.
func (c *Conn) SetValue(v any) { c.extra().value = v }

// LocalAddr returns the local address, asked from the system once.
func (c *Conn) LocalAddr() net.Addr {
	m := c.extra()
	if m.local == nil && !c.is(stEnding) {
		m.local = c.loop.engine.LocalAddr(c.sock)
	}
	return m.local
}

// RemoteAddr returns the peer's address, asked from the system once.
func (c *Conn) RemoteAddr() net.Addr {
	m := c.extra()
	if m.remote == nil && !c.is(stEnding) {
		m.remote = c.loop.engine.RemoteAddr(c.sock)
	}
	return m.remote
}

// SetOption sets a socket option.
func (c *Conn) SetOption(opt driver.Option, value int) error {
	c.loop.mustRun("Conn.SetOption")
	if c.is(stEnding) {
		return c.opErr("set", "setsockopt", net.ErrClosed)
	}
	return c.opErr("set", "setsockopt", c.loop.engine.SetOption(c.sock, opt, value))
}

// Control calls f with the connection's descriptor, which is valid during the
// call. The error is errors.ErrUnsupported if the engine has none to show.
func (c *Conn) Control(f func(fd uintptr)) error {
	c.loop.mustRun("Conn.Control")
	if c.is(stEnding) {
		return c.opErr("raw-control", "", net.ErrClosed)
	}
	return c.loop.engine.Control(c.sock, f)
}

// Err returns why the connection ended, or nil.
func (c *Conn) Err() error { return c.err }

// opErr dresses an error of an operation on this connection.
func (c *Conn) opErr(op, call string, err error) error {
	if err == nil {
		return nil
	}
	network := "tcp"
	if a := c.LocalAddr(); a != nil {
		network = a.Network()
	}
	return opError(op, call, network, c.LocalAddr(), c.RemoteAddr(), err)
}

// Complete receives the engine's completions. It is not for programs.
func (c *Conn) Complete(op *driver.Op, r *driver.Result) {
	switch op.Code {
	case driver.Recv:
		c.received(r)
	case driver.Send:
		c.sent(r)
	case driver.SendFile:
		c.sentFile(r)
	case driver.RecvInto:
		c.receivedInto(r)
	case driver.RecvPipe:
		c.more.splice.received(r)
	case driver.SendPipe:
		c.sentPipe(r)
	case driver.Close:
		c.state |= stEnded
		c.markReady()
	}
}

func (c *Conn) markReady() {
	if !c.is(stReady) {
		c.state |= stReady
		c.loop.ready = append(c.loop.ready, c)
	}
}

func (c *Conn) markDirty() {
	if !c.is(stDirty) {
		c.state |= stDirty
		c.loop.dirty = append(c.loop.dirty, c)
	}
}

// connList is the loop's list of connections.
type connList struct {
	first *Conn
	len   int
}

func (l *connList) add(c *Conn) {
	c.next = l.first
	if l.first != nil {
		l.first.prev = c
	}
	l.first = c
	l.len++
}

func (l *connList) remove(c *Conn) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.prev, c.next = nil, nil
	l.len--
}
