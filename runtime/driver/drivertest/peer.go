package drivertest

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

// kind is a network that stream tests run on.
type kind struct {
	name    string // also the network's name in package net
	address string // empty for a new path
}

var kinds = sync.OnceValue(func() []kind {
	all := []kind{{"tcp4", "127.0.0.1:0"}, {"unix", ""}}
	if testing.Short() {
		return all // to an engine, IPv6 is an address
	}
	if ln, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		ln.Close()
		all = append(all, kind{"tcp6", "[::1]:0"})
	}
	return all
})

var tcp4 = kind{"tcp4", "127.0.0.1:0"}

func (k kind) isTCP() bool { return k.name != "unix" }

// addr returns an address to listen on.
func (k kind) addr(t tb) net.Addr {
	if !k.isTCP() {
		return &net.UnixAddr{Name: socketPath(t), Net: k.name}
	}
	a, err := net.ResolveTCPAddr(k.name, k.address)
	require.NoError(t, err)
	return a
}

// socketPath returns a path that is short enough for a socket.
func socketPath(t tb) string {
	dir, err := os.MkdirTemp("", "hr")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// peer is the other end of a connection: one of package net, which fails rather
// than wait for ever.
type peer struct{ net.Conn }

func newPeer(t tb, c net.Conn) *peer {
	c.SetDeadline(time.Now().Add(Patience))
	t.Cleanup(func() { c.Close() })
	return &peer{c}
}

func (p *peer) closeWrite() error {
	return p.Conn.(interface{ CloseWrite() error }).CloseWrite()
}

// reset closes a TCP connection so that the other end sees ECONNRESET.
func (p *peer) reset() error {
	if err := p.Conn.(*net.TCPConn).SetLinger(0); err != nil {
		return err
	}
	return p.Conn.Close()
}

// listenPeer opens a listener of package net.
func listenPeer(t tb, k kind) net.Listener {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(context.Background(), k.name, k.addr(t).String())
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	if d, ok := ln.(interface{ SetDeadline(time.Time) error }); ok {
		d.SetDeadline(time.Now().Add(Patience))
	}
	return ln
}

// listen opens a listening socket of the engine.
func (h *harness) listen(k kind) (driver.Socket, net.Addr) {
	h.t.Helper()
	s, err := h.Engine.Listen(k.name, k.addr(h.t), &driver.ListenConfig{})
	require.NoError(h.t, err)
	addr := h.Engine.LocalAddr(s)
	require.NotNil(h.t, addr)
	return s, addr
}

func (h *harness) dial(addr net.Addr) *peer {
	h.t.Helper()
	c, err := net.DialTimeout(addr.Network(), addr.String(), Patience)
	require.NoError(h.t, err)
	return newPeer(h.t, c)
}

// connect starts a Connect.
func (h *harness) connect(addr net.Addr) *call {
	c := h.call(driver.Connect, driver.NoSocket)
	c.ext.Remote = addr
	return c.submit()
}

// socket returns the only socket of an Accept or Connect that succeeded.
func (c *call) socket() driver.Socket {
	c.h.t.Helper()
	require.NoError(c.h.t, c.err)
	require.Len(c.h.t, c.sockets, 1)
	return c.sockets[0]
}

// pair returns a connection that the engine made, and its peer.
func (h *harness) pair(k kind) (driver.Socket, *peer) {
	h.t.Helper()
	ln := listenPeer(h.t, k)
	s := h.connect(ln.Addr()).wait().socket()
	c, err := ln.Accept()
	require.NoError(h.t, err)
	ln.Close()
	return s, newPeer(h.t, c)
}

// accepted returns a connection that the engine accepted, and its peer.
func (h *harness) accepted(k kind) (driver.Socket, *peer) {
	h.t.Helper()
	ln, addr := h.listen(k)
	a := h.accept(ln)
	p := h.dial(addr)
	h.until("accept", func() bool { return len(a.sockets) > 0 || a.final })
	s := a.socket()
	h.close(ln)
	return s, p
}

// both returns a connection between two sockets of the engine.
func (h *harness) both(k kind) (driver.Socket, driver.Socket) {
	h.t.Helper()
	ln, addr := h.listen(k)
	a, c := h.accept(ln), h.connect(addr)
	h.until("accept", func() bool { return len(a.sockets) > 0 || a.final })
	s := a.socket()
	c.wait()
	h.close(ln)
	return s, c.socket()
}

// echoClient connects to addr, sends n bytes, and wants them and the end back.
func echoClient(addr net.Addr, n int64) error {
	c, err := net.DialTimeout(addr.Network(), addr.String(), Patience)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(Patience))
	p := &peer{c}
	written := make(chan error, 1)
	go func() {
		err := writeStream(p, n)
		if err == nil {
			err = p.closeWrite()
		}
		written <- err
	}()
	if err := readStream(p, 0, n); err != nil {
		return err
	}
	if err := readEOF(p); err != nil {
		return err
	}
	return <-written
}
