package stdnet

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/headrace/headrace/runtime"
)

// ListenPacket opens a datagram socket on a udp, udp4, udp6 or unixgram address, as
// net.ListenPacket does, over rt. For UDP it returns a *[UDPConn]; Unix sockets are
// package net's own.
func ListenPacket(ctx context.Context, rt *runtime.Runtime, network, address string) (net.PacketConn, error) {
	lc := ListenConfig{Runtime: rt}
	return lc.ListenPacket(ctx, network, address)
}

// ListenPacket is the function with a configuration. In Mode Loop the socket is
// received from and sent to on a loop, in batches; in Auto it is in Go's netpoller,
// as in Poller: see docs/datagrams.md for when which is the better one.
func (lc *ListenConfig) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	if lc.Runtime == nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: errNoRuntime}
	}
	std := net.ListenConfig{Control: lc.Control}
	pc, err := std.ListenPacket(ctx, network, address)
	if err != nil {
		return nil, err
	}
	u, ok := pc.(*net.UDPConn)
	if !ok {
		return pc, nil
	}
	c := &UDPConn{host: hostOf(lc.Runtime), network: network, local: u.LocalAddr(), std: u}
	if lc.Mode == Loop && lc.Runtime.Backend() != runtime.Portable {
		if err := c.toLoop(u); err != nil {
			u.Close()
			return nil, &net.OpError{Op: "listen", Net: network, Source: nil, Addr: c.local, Err: cause(err)}
		}
	}
	return c, nil
}

// UDPConn is package net's UDPConn over a runtime: a net.PacketConn that code finds
// all methods of net.UDPConn on which it may look for. They may be called from any
// goroutine. On a loop an error of the network (ECONNREFUSED and the like) is that
// of the next read, and a datagram that the system refuses otherwise is dropped and
// counted: see Stats.
type UDPConn struct {
	host    *host
	network string
	local   net.Addr

	mu   sync.Mutex
	std  *net.UDPConn // nil while the socket is on a loop
	ring *packetRing  // nil while it is not
}

// where returns the place the socket is in: one of the two is nil.
func (c *UDPConn) where() (*net.UDPConn, *packetRing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.std, c.ring
}

// ReadFrom waits for a datagram and copies it to p. What does not fit is lost.
func (c *UDPConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, addr, err := c.ReadFromUDP(p)
	if addr == nil {
		return n, nil, err
	}
	return n, addr, err
}

// ReadFromUDP is ReadFrom with the address's own type.
func (c *UDPConn) ReadFromUDP(p []byte) (int, *net.UDPAddr, error) {
	n, from, err := c.ReadFromUDPAddrPort(p)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// ReadFromUDPAddrPort is ReadFrom without an allocation.
func (c *UDPConn) ReadFromUDPAddrPort(p []byte) (int, netip.AddrPort, error) {
	if std, _ := c.where(); std != nil {
		n, from, err := std.ReadFromUDPAddrPort(p)
		return n, unmap(from), err
	}
	n, _, _, from, err := c.ReadMsgUDPAddrPort(p, nil)
	return n, from, err
}

// Read is ReadFrom without the address.
func (c *UDPConn) Read(p []byte) (int, error) {
	n, _, err := c.ReadFromUDPAddrPort(p)
	return n, err
}

// ReadMsgUDP reads a datagram and its control messages, with the flags of
// recvmsg(2).
func (c *UDPConn) ReadMsgUDP(p, oob []byte) (n, oobn, flags int, addr *net.UDPAddr, err error) {
	n, oobn, flags, from, err := c.ReadMsgUDPAddrPort(p, oob)
	if from.IsValid() {
		addr = net.UDPAddrFromAddrPort(from)
	}
	return n, oobn, flags, addr, err
}

// ReadMsgUDPAddrPort is ReadMsgUDP without an allocation.
func (c *UDPConn) ReadMsgUDPAddrPort(p, oob []byte) (n, oobn, flags int, from netip.AddrPort, err error) {
	for {
		std, ring := c.where()
		if std != nil {
			n, oobn, flags, from, err = std.ReadMsgUDPAddrPort(p, oob)
			return n, oobn, flags, unmap(from), err
		}
		n, oobn, flags, from, err = ring.read(p, oob)
		if err != errMove {
			return n, oobn, flags, from, c.opErr("read", err)
		}
	}
}

// unmap makes the addresses of both sides the same: IPv4 ones are IPv4.
func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// WriteTo sends p to addr, a *net.UDPAddr.
func (c *UDPConn) WriteTo(p []byte, addr net.Addr) (int, error) {
	a, ok := addr.(*net.UDPAddr)
	if !ok {
		return 0, &net.OpError{Op: "write", Net: c.network, Source: c.local, Addr: addr, Err: syscall.EINVAL}
	}
	return c.WriteToUDP(p, a)
}

// WriteToUDP is WriteTo with the address's own type.
func (c *UDPConn) WriteToUDP(p []byte, addr *net.UDPAddr) (int, error) {
	n, _, err := c.WriteMsgUDP(p, nil, addr)
	return n, err
}

// WriteToUDPAddrPort is WriteTo without an allocation.
func (c *UDPConn) WriteToUDPAddrPort(p []byte, addr netip.AddrPort) (int, error) {
	n, _, err := c.WriteMsgUDPAddrPort(p, nil, addr)
	return n, err
}

// Write is an error: the socket is not connected.
func (c *UDPConn) Write(p []byte) (int, error) {
	if std, _ := c.where(); std != nil {
		return std.Write(p)
	}
	n, _, err := c.WriteMsgUDPAddrPort(p, nil, netip.AddrPort{})
	return n, err
}

// WriteMsgUDP sends p with control messages, as sendmsg(2) takes them.
func (c *UDPConn) WriteMsgUDP(p, oob []byte, addr *net.UDPAddr) (n, oobn int, err error) {
	to := runtime.PacketAddrOf(addr)
	if addr == nil {
		to = runtime.PacketAddr{}
	}
	return c.WriteMsgUDPAddrPort(p, oob, to.AddrPort)
}

// WriteMsgUDPAddrPort is WriteMsgUDP without an allocation.
func (c *UDPConn) WriteMsgUDPAddrPort(p, oob []byte, addr netip.AddrPort) (n, oobn int, err error) {
	for {
		std, ring := c.where()
		if std != nil {
			if len(oob) == 0 && addr.IsValid() {
				n, err = std.WriteToUDPAddrPort(p, addr)
				return n, 0, err
			}
			return std.WriteMsgUDPAddrPort(p, oob, addr)
		}
		if err = ring.write(p, oob, addr); err == nil {
			return len(p), len(oob), nil
		} else if err != errMove {
			op := c.opErr("write", err)
			if e, ok := op.(*net.OpError); ok && addr.IsValid() {
				e.Addr = net.UDPAddrFromAddrPort(addr)
			}
			return 0, 0, op
		}
	}
}

// Close closes the socket. What was written on a loop is sent first.
func (c *UDPConn) Close() error {
	for {
		std, ring := c.where()
		if std != nil {
			return std.Close()
		}
		if err := ring.close(); err != errMove {
			return c.opErr("close", err)
		}
	}
}

// LocalAddr returns the address listened on.
func (c *UDPConn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns nil: the socket is not connected.
func (c *UDPConn) RemoteAddr() net.Addr { return nil }

// SetDeadline sets both deadlines; the zero time means none.
func (c *UDPConn) SetDeadline(t time.Time) error {
	return c.deadline(t, (*net.UDPConn).SetDeadline, true, true)
}

// SetReadDeadline sets until when reads may wait.
func (c *UDPConn) SetReadDeadline(t time.Time) error {
	return c.deadline(t, (*net.UDPConn).SetReadDeadline, true, false)
}

// SetWriteDeadline sets until when writes may wait.
func (c *UDPConn) SetWriteDeadline(t time.Time) error {
	return c.deadline(t, (*net.UDPConn).SetWriteDeadline, false, true)
}

func (c *UDPConn) deadline(t time.Time, set func(*net.UDPConn, time.Time) error, read, write bool) error {
	for {
		std, ring := c.where()
		if std != nil {
			return set(std, t)
		}
		if err := ring.setDeadline(t, read, write); err != errMove {
			return c.setErr(err)
		}
	}
}

// opErr dresses an error as package net does.
func (c *UDPConn) opErr(op string, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: op, Net: c.network, Source: c.local, Err: err}
}

func (c *UDPConn) setErr(err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: "set", Net: c.network, Addr: c.local, Err: err}
}

var (
	_ net.PacketConn = (*UDPConn)(nil)
	_ net.Conn       = (*UDPConn)(nil)
	_ syscall.Conn   = (*UDPConn)(nil)
)
