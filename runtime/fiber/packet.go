package fiber

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// PacketConn is a datagram socket of a fiber. It is a net.PacketConn whose calls
// suspend the fiber where those of package net park a goroutine. Its methods are
// for that fiber.
type PacketConn struct {
	Task
	pc     *runtime.PacketConn
	opened func()
	err    error // why it closed
	failed error // what the network reported, for the next call
	closed bool

	inbox []received
	first int // of inbox, the next one to read

	readDeadline  time.Time
	writeDeadline time.Time
	timer         *runtime.Timer
	waiting       waitFor
}

// received is a datagram that the fiber has not read.
type received struct {
	from runtime.PacketAddr
	info runtime.PacketInfo
	data *buffers.Chunk
	cut  bool
}

// maxUnread is how many datagrams wait for a fiber before the socket stops
// receiving and leaves them to the kernel's queue.
const maxUnread = 256

// ServePacket returns the PacketAcceptFunc that runs f as a fiber for each socket.
// When f returns, what it wrote is sent and the socket closes. An error that f
// returns is logged at debug level, unless it is the socket's own.
func ServePacket(f func(c *PacketConn) error) runtime.PacketAcceptFunc {
	return func(pc *runtime.PacketConn) runtime.PacketHandler {
		c := &PacketConn{pc: pc}
		c.fb = start(pc.Loop(), func(*fiber) { c.serve(f) })
		c.opened = c.fb.run
		return c
	}
}

func (c *PacketConn) serve(f func(c *PacketConn) error) {
	returned := false
	defer func() {
		if !returned { // as in Conn.serve
			c.drop()
			c.pc.Abort(runtime.ErrPanic)
		}
	}()
	err := f(c)
	returned = true
	if err != nil && err != c.err && !errors.Is(err, net.ErrClosed) {
		c.pc.Loop().Runtime().Logger().Debug("fiber ended with an error", slog.Any("err", err))
	}
	c.Close()
}

// DialPacket opens a datagram socket that is connected to an address, on the
// fiber's loop; a nil cfg means the zero one. It belongs to the fiber, which
// closes it.
func (t *Task) DialPacket(
	ctx context.Context, cfg *runtime.PacketConfig, network, address string,
) (*PacketConn, error) {
	var done bool
	var conn *PacketConn
	var failed error
	t.fb.loop.DialPacket(ctx, cfg, network, address, func(pc *runtime.PacketConn, err error) runtime.PacketHandler {
		if err != nil {
			failed = err
			t.fb.called(&done)
			return nil
		}
		conn = &PacketConn{Task: Task{fb: t.fb}, pc: pc}
		conn.opened = func() { t.fb.called(&done) }
		return conn
	})
	t.fb.await(&done)
	return conn, failed
}

// Conn returns the runtime's socket, for options, groups and counters.
func (c *PacketConn) Conn() *runtime.PacketConn { return c.pc }

// LocalAddr returns the local address.
func (c *PacketConn) LocalAddr() net.Addr { return c.pc.LocalAddr() }

// RemoteAddr returns the peer's address, nil if the socket is not connected.
func (c *PacketConn) RemoteAddr() net.Addr { return c.pc.RemoteAddr() }

// ReadChunk waits for a datagram and returns it without copying: its payload, which
// is the caller's to send or to release, and its sender.
func (c *PacketConn) ReadChunk() (*buffers.Chunk, runtime.PacketAddr, error) {
	r, err := c.next()
	return r.data, r.from, err
}

// ReadFrom waits for a datagram and copies it to p. What does not fit is lost, as
// with package net; see ReadMsg.
func (c *PacketConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, _, _, err := c.ReadMsg(p)
	return n, from.NetAddr(), err
}

// Read is ReadFrom without the sender, as on a connected socket.
func (c *PacketConn) Read(p []byte) (int, error) {
	n, _, _, _, err := c.ReadMsg(p)
	return n, err
}

// ReadMsg is ReadFrom that also tells what the control messages say, and whether
// the datagram was cut: by p, or by PacketConfig.MaxDatagram.
func (c *PacketConn) ReadMsg(p []byte) (
	n int, from runtime.PacketAddr, info runtime.PacketInfo, cut bool, err error,
) {
	r, err := c.next()
	if err != nil {
		return 0, from, info, false, err
	}
	n = copy(p, r.data.Bytes())
	cut = r.cut || n < r.data.Len()
	r.data.Release()
	return n, r.from, r.info, cut, nil
}

// next takes the first unread datagram, and waits for it.
func (c *PacketConn) next() (received, error) {
	for c.first == len(c.inbox) {
		if err := c.failed; err != nil {
			c.failed = nil
			return received{}, err
		}
		if err := c.open("read", c.readDeadline); err != nil {
			return received{}, err
		}
		c.pc.Resume()
		c.park(forData, c.readDeadline)
	}
	if !c.readDeadline.IsZero() && !time.Now().Before(c.readDeadline) {
		return received{}, c.timeout("read")
	}
	r := c.inbox[c.first]
	c.inbox[c.first].data = nil
	if c.first++; c.first == len(c.inbox) {
		c.inbox, c.first = c.inbox[:0], 0
	}
	return r, nil
}

// Send sends the chunk's bytes to an address, the zero one on a connected socket,
// and takes the chunk. It waits while too much is unsent.
func (c *PacketConn) Send(chunk *buffers.Chunk, to runtime.PacketAddr) error {
	if err := c.writable(); err != nil {
		chunk.Release()
		return err
	}
	return c.pc.Send(chunk, to)
}

// SendMsg sends a copy of p to an address, as info says: from where, with which
// traffic class and hop count. It waits while too much is unsent.
func (c *PacketConn) SendMsg(p []byte, to runtime.PacketAddr, info runtime.PacketInfo) error {
	if err := c.writable(); err != nil {
		return err
	}
	return c.pc.WriteMsg(p, to, info.Append(nil, to))
}

// WriteTo sends a copy of p to a *net.UDPAddr or *net.UnixAddr.
func (c *PacketConn) WriteTo(p []byte, to net.Addr) (int, error) {
	return c.write(p, runtime.PacketAddrOf(to))
}

// Write sends a copy of p to the peer of a connected socket.
func (c *PacketConn) Write(p []byte) (int, error) { return c.write(p, runtime.PacketAddr{}) }

func (c *PacketConn) write(p []byte, to runtime.PacketAddr) (int, error) {
	if err := c.writable(); err != nil {
		return 0, err
	}
	if err := c.pc.WriteTo(p, to); err != nil {
		return 0, err
	}
	return len(p), nil
}

// writable waits for room in the send queue.
func (c *PacketConn) writable() error {
	for {
		if err := c.open("write", c.writeDeadline); err != nil {
			return err
		}
		if !c.pc.Full() {
			return nil
		}
		c.park(forDrain, c.writeDeadline)
	}
}

// Close sends what was written, then closes the socket. It does not wait. Further
// calls do nothing.
func (c *PacketConn) Close() error {
	c.drop()
	return c.pc.Close()
}

// drop releases what was not read.
func (c *PacketConn) drop() {
	for _, r := range c.inbox[c.first:] {
		r.data.Release()
	}
	c.inbox, c.first = nil, 0
	if c.timer != nil {
		c.timer.Stop()
	}
}

// SetDeadline sets both deadlines. A deadline is for every call from now on; the
// zero time means none.
func (c *PacketConn) SetDeadline(t time.Time) error {
	c.readDeadline, c.writeDeadline = t, t
	return c.open("set", time.Time{})
}

// SetReadDeadline sets the deadline of reading.
func (c *PacketConn) SetReadDeadline(t time.Time) error {
	c.readDeadline = t
	return c.open("set", time.Time{})
}

// SetWriteDeadline sets the deadline of waiting for room to send.
func (c *PacketConn) SetWriteDeadline(t time.Time) error {
	c.writeDeadline = t
	return c.open("set", time.Time{})
}

// open reports why op can not go on.
func (c *PacketConn) open(op string, deadline time.Time) error {
	switch {
	case c.closed && c.err != nil:
		return c.err
	case c.closed || c.pc.Closing():
		return c.opErr(op, net.ErrClosed)
	case !deadline.IsZero() && !time.Now().Before(deadline):
		return c.timeout(op)
	}
	return nil
}

func (c *PacketConn) timeout(op string) error { return c.opErr(op, os.ErrDeadlineExceeded) }

func (c *PacketConn) opErr(op string, err error) error {
	network := "udp"
	if a := c.LocalAddr(); a != nil {
		network = a.Network()
	}
	return &net.OpError{Op: op, Net: network, Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}
