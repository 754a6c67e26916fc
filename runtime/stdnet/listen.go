package stdnet

import (
	"context"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/headrace/headrace/runtime"
)

// Listen listens on a tcp, tcp4, tcp6 or unix address, as net.Listen does, for
// connections over rt.
func Listen(ctx context.Context, rt *runtime.Runtime, network, address string) (net.Listener, error) {
	lc := ListenConfig{Runtime: rt}
	return lc.Listen(ctx, network, address)
}

// ListenConfig is net.ListenConfig with a runtime. Runtime is required, and its lack an
// error; the other fields mean what they mean there, and their zero values are good.
type ListenConfig struct {
	// Runtime has the loops.
	Runtime *runtime.Runtime
	// Mode says where accepted connections live.
	Mode Mode

	// Control is called with each socket before it is bound.
	Control func(network, address string, c syscall.RawConn) error
	// KeepAlive is the keep-alive period of accepted connections, ignored if
	// KeepAliveConfig.Enable is set; negative for none.
	KeepAlive time.Duration
	// KeepAliveConfig is the keep-alive of accepted connections.
	KeepAliveConfig net.KeepAliveConfig
}

// Listen listens. ctx bounds looking up the address. Errors are package net's.
func (lc *ListenConfig) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	if !streams(network) {
		return nil, &net.OpError{Op: "listen", Net: network, Err: net.UnknownNetworkError(network)}
	}
	if lc.Runtime == nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: errNoRuntime}
	}
	std := net.ListenConfig{Control: lc.Control, KeepAlive: lc.KeepAlive, KeepAliveConfig: lc.KeepAliveConfig}
	// What a multipath listener accepts can not send without copying.
	std.SetMultipathTCP(false)
	ln, err := std.Listen(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &Listener{std: ln.(listener), host: hostOf(lc.Runtime), network: network, mode: lc.Mode}, nil
}

// streams tells which networks have connections that can live on a loop.
func streams(network string) bool {
	switch network {
	case "tcp", "tcp4", "tcp6", "unix":
		return true
	}
	return false
}

// listener is what net.TCPListener and net.UnixListener have.
type listener interface {
	net.Listener
	syscall.Conn
	SetDeadline(t time.Time) error
	File() (*os.File, error)
}

// Listener is a net.Listener whose connections are *[TCPConn] or *[UnixConn]. It
// waits in Go's netpoller. Its methods may be called from any goroutine.
type Listener struct {
	std     listener
	host    *host
	network string
	mode    Mode

	keepAlive *net.KeepAliveConfig // if package net's listener does not know it
}

var _ listener = (*Listener)(nil)

// Accept waits for the next connection.
func (ln *Listener) Accept() (net.Conn, error) {
	c, err := ln.std.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := c.(*net.TCPConn); ok && ln.keepAlive != nil {
		_ = tcp.SetKeepAliveConfig(*ln.keepAlive) // best effort, as package net
	}
	return wrap(ln.host.origin(ln.network, ln.mode), c), nil
}

// Close stops listening. Connections that were accepted go on.
func (ln *Listener) Close() error { return ln.std.Close() }

// Addr returns the address listened on.
func (ln *Listener) Addr() net.Addr { return ln.std.Addr() }

// SetDeadline sets until when Accept may wait; a zero time means for ever.
func (ln *Listener) SetDeadline(t time.Time) error { return ln.std.SetDeadline(t) }

// SyscallConn returns the raw listening socket.
func (ln *Listener) SyscallConn() (syscall.RawConn, error) { return ln.std.SyscallConn() }

// File returns a copy of the listening socket, to hand to another process. The
// caller closes it.
func (ln *Listener) File() (*os.File, error) { return ln.std.File() }

// SetUnlinkOnClose says whether Close removes the path of a unix socket. By
// default it does. On other listeners it does nothing.
func (ln *Listener) SetUnlinkOnClose(unlink bool) {
	if u, ok := ln.std.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(unlink)
	}
}
