package portable

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/headrace/headrace/runtime/driver"
)

// Listen implements [driver.Sockets].
func (e *engine) Listen(network string, addr net.Addr, cfg *driver.ListenConfig) (driver.Socket, error) {
	if e.closed {
		return driver.NoSocket, net.ErrClosed
	}
	var lc net.ListenConfig
	lc.KeepAlive = -1
	lc.SetMultipathTCP(false) // sockets accepted from MPTCP lack operations
	if cfg != nil {
		if cfg.ReusePort {
			return driver.NoSocket, fmt.Errorf("portable: SO_REUSEPORT: %w", errors.ErrUnsupported)
		}
		if cfg.PacketInfo || cfg.TOS || cfg.TTL {
			return driver.NoSocket, fmt.Errorf("portable: control messages: %w", errors.ErrUnsupported)
		}
		lc.Control = controlOf(cfg.Control)
	}
	var address string
	if !none(addr) {
		address = addr.String()
	} else if network != "unix" && network != "unixpacket" && network != "unixgram" {
		address = ":0"
	}
	var x any
	var err error
	switch network {
	case "udp", "udp4", "udp6", "unixgram":
		x, err = lc.ListenPacket(context.Background(), network, address)
	default:
		x, err = lc.Listen(context.Background(), network, address)
	}
	if err != nil {
		return driver.NoSocket, bare(err)
	}
	keepFile(x)
	return e.adopt(x).id, nil
}

// none tells a nil address, also one of a type of package net, whose String is "<nil>".
func none(addr net.Addr) bool {
	switch a := addr.(type) {
	case *net.TCPAddr:
		return a == nil
	case *net.UDPAddr:
		return a == nil
	case *net.UnixAddr:
		return a == nil
	}
	return addr == nil
}

// keepFile keeps closing a listener from removing its Unix socket's file: that is
// for who knows whose it is.
func keepFile(x any) {
	if u, ok := x.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
}

// LocalAddr implements [driver.Sockets].
func (e *engine) LocalAddr(id driver.Socket) net.Addr {
	s := e.lookup(id)
	switch {
	case s == nil:
		return nil
	case s.ln != nil:
		return s.ln.Addr()
	case s.conn != nil:
		return s.conn.LocalAddr()
	default:
		return s.pkt.LocalAddr()
	}
}

// RemoteAddr implements [driver.Sockets].
func (e *engine) RemoteAddr(id driver.Socket) net.Addr {
	s := e.lookup(id)
	if s == nil {
		return nil
	}
	if c, ok := s.any().(net.Conn); ok {
		return c.RemoteAddr()
	}
	return nil
}
