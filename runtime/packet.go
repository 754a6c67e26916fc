package runtime

import (
	"net"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// PacketHandler is what a program gives a datagram socket. Its methods run on the
// socket's loop, one at a time, and must not block.
type PacketHandler interface {
	// Datagram is called for every datagram. d and what it names are valid during
	// the call; what Take took out is the handler's own.
	Datagram(c *PacketConn, d *Datagram)

	// Closed is called once, last: after it the socket does not exist and the
	// kernel holds none of its memory. err is nil after an orderly end.
	Closed(c *PacketConn, err error)
}

// PacketOpenHandler is a PacketHandler that acts before anything was received.
type PacketOpenHandler interface {
	PacketHandler
	// Open is called once, first, when the handler is in place.
	Open(c *PacketConn)
}

// PacketErrorHandler is a PacketHandler that wants to know what went wrong with
// what it sent.
type PacketErrorHandler interface {
	PacketHandler
	// Failed is called when a datagram could not be sent, with its destination, or
	// when a connected socket was told that an earlier one did not arrive
	// (ECONNREFUSED and the like), with the zero address. The socket goes on.
	Failed(c *PacketConn, to PacketAddr, err error)
}

// PacketDrainHandler is a PacketHandler that sends more than the system takes, and
// wants to know when to go on.
type PacketDrainHandler interface {
	PacketHandler
	// Drained is called when the socket was Full and half of its queue has left.
	Drained(c *PacketConn)
}

// PacketAcceptFunc makes the handler of a datagram socket. It runs on the socket's
// loop. Returning nil closes the socket.
type PacketAcceptFunc func(c *PacketConn) PacketHandler

// PacketConn is a datagram socket on a loop: UDP or Unix, connected or not. Its
// methods are called on that loop's goroutine; from elsewhere use c.Loop().Post.
type PacketConn struct {
	loop     *Loop
	handler  PacketHandler
	sock     driver.Socket
	state    packetState
	network  string
	listener *PacketListener
	local    net.Addr
	remote   net.Addr
	value    any
	err      error
	maxQueue int // bytes
	dialed   bool

	recvOp  driver.Op
	recvExt driver.Ext
	closeOp driver.Op
	inbox   []arrival // received, not delivered
	told    int       // of these, delivered
	now     Datagram  // the one being delivered
	recvErr error     // what ended receiving

	packetQueue
	lingering *Timer
	stats     PacketStats
}

// packetState is a set of flags.
type packetState uint8

const (
	psReceiving packetState = 1 << iota // recvOp is with the engine
	psReady                             // in loop.packets.ready
	psDirty                             // in loop.packets.dirty
	psPaused                            // by Pause
	psFull                              // Drained is due
	psClosing                           // Close was asked for: send what is queued first
	psEnding                            // closeOp is with the engine
	psEnded                             // closeOp is done
)

func (c *PacketConn) is(s packetState) bool { return c.state&s != 0 }

// Datagram is one that was received.
type Datagram struct {
	// From is the sender: the zero address for a Unix socket without a name.
	From PacketAddr
	// Truncated tells that the datagram was longer than PacketConfig.MaxDatagram
	// and its end is lost.
	Truncated bool
	// OOBCut tells that there were more control messages than there was room for (256
	// bytes): OOB and Info lack the last ones.
	OOBCut bool

	chunk *buffers.Chunk
	oob   []byte
}

// Bytes returns the payload, which may be empty. It is valid during the call of
// the handler, or as long as the chunk that Take gave.
func (d *Datagram) Bytes() []byte {
	if d.chunk == nil {
		return nil
	}
	return d.chunk.Bytes()
}

// Take returns the payload's chunk, which is the caller's to send or to release.
// Nil when it was taken before.
func (d *Datagram) Take() *buffers.Chunk {
	c := d.chunk
	d.chunk = nil
	return c
}

// Info returns what the control messages say. They come on request: see
// PacketConfig.PacketInfo, TOS and TTL.
func (d *Datagram) Info() PacketInfo { return parsePacketInfo(d.oob) }

// OOB returns the control messages as the system gave them.
func (d *Datagram) OOB() []byte { return d.oob }

// Loop returns the socket's loop.
func (c *PacketConn) Loop() *Loop { return c.loop }

// Handler returns the socket's handler.
func (c *PacketConn) Handler() PacketHandler { return c.handler }

// Value returns what SetValue stored: a place for the program's own state.
func (c *PacketConn) Value() any { return c.value }

// SetValue stores v for Value.
func (c *PacketConn) SetValue(v any) { c.value = v }

// LocalAddr returns the local address.
func (c *PacketConn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the peer's address, nil if the socket is not connected.
func (c *PacketConn) RemoteAddr() net.Addr { return c.remote }

// Err returns why the socket closed, or nil.
func (c *PacketConn) Err() error { return c.err }

// SetOption sets a socket option.
func (c *PacketConn) SetOption(opt driver.Option, value int) error {
	c.loop.mustRun("PacketConn.SetOption")
	if c.is(psEnding) {
		return c.opErr("set", "setsockopt", net.ErrClosed)
	}
	return c.opErr("set", "setsockopt", c.loop.engine.SetOption(c.sock, opt, value))
}

// Control calls f with the socket's descriptor, which is valid during the call.
// The error is errors.ErrUnsupported if the engine has none to show.
func (c *PacketConn) Control(f func(fd uintptr)) error {
	c.loop.mustRun("PacketConn.Control")
	if c.is(psEnding) {
		return c.opErr("raw-control", "", net.ErrClosed)
	}
	return c.loop.engine.Control(c.sock, f)
}

// JoinGroup joins a multicast group on an interface; nil leaves the choice to the
// system. Of the sockets of one port, each that joined receives its own copy.
// errors.ErrUnsupported where this package does not know how: it does on Linux.
func (c *PacketConn) JoinGroup(ifi *net.Interface, group net.IP) error {
	return c.group(ifi, group, joinGroup)
}

// LeaveGroup undoes JoinGroup.
func (c *PacketConn) LeaveGroup(ifi *net.Interface, group net.IP) error {
	return c.group(ifi, group, leaveGroup)
}

func (c *PacketConn) group(
	ifi *net.Interface, group net.IP, set func(fd uintptr, index int, group net.IP) error,
) error {
	index := 0
	if ifi != nil {
		index = ifi.Index
	}
	var failed error
	err := c.Control(func(fd uintptr) { failed = set(fd, index, group) })
	if err == nil {
		err = c.opErr("set", "setsockopt", failed)
	}
	return err
}

// opErr dresses an error of an operation on this socket.
func (c *PacketConn) opErr(op, call string, err error) error {
	if err == nil {
		return nil
	}
	return opError(op, call, c.network, c.local, c.remote, err)
}

var (
	_ driver.Completer = (*PacketConn)(nil)
	_ stopper          = (*PacketConn)(nil)
)
