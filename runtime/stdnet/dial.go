package stdnet

import (
	"context"
	"net"
	"syscall"
	"time"

	"github.com/headrace/headrace/runtime"
)

// Dialer is net.Dialer with a runtime: it looks up names, tries addresses of both
// families and gives up in the same way. Runtime is required, and its lack an error;
// the other fields mean what they mean there, and their zero values are good. Its
// methods may be called from any goroutine.
type Dialer struct {
	// Runtime has the loops.
	Runtime *runtime.Runtime
	// Mode says where connections live.
	Mode Mode

	// Timeout bounds a dial; zero for the system's own limit.
	Timeout time.Duration
	// Deadline is when dials give up; zero for never.
	Deadline time.Time
	// LocalAddr to dial from; nil lets the system choose.
	LocalAddr net.Addr
	// FallbackDelay is how long the first address family has a head start (RFC
	// 8305); zero for 300 ms, negative for one family after the other.
	FallbackDelay time.Duration
	// KeepAlive is the keep-alive period, ignored if KeepAliveConfig.Enable is
	// set; negative for none.
	KeepAlive time.Duration
	// KeepAliveConfig is the keep-alive of connections.
	KeepAliveConfig net.KeepAliveConfig
	// Resolver looks up names; nil for net.DefaultResolver.
	Resolver *net.Resolver
	// Control is called with each socket before it connects.
	Control func(network, address string, c syscall.RawConn) error
	// ControlContext is Control with the dial's context, and goes first.
	ControlContext func(ctx context.Context, network, address string, c syscall.RawConn) error
}

// Dial connects to an address.
func (d *Dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialContext connects to an address. On tcp, tcp4, tcp6 and unix the result is a
// *[TCPConn] or *[UnixConn], on other networks what package net gives. ctx bounds
// the dial, not the connection. Errors are package net's.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if d.Runtime == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errNoRuntime}
	}
	std := net.Dialer{
		Timeout: d.Timeout, Deadline: d.Deadline, LocalAddr: d.LocalAddr, FallbackDelay: d.FallbackDelay,
		KeepAlive: d.KeepAlive, KeepAliveConfig: d.KeepAliveConfig, Resolver: d.Resolver,
		Control: d.Control, ControlContext: d.ControlContext,
	}
	std.SetMultipathTCP(false)
	c, err := std.DialContext(ctx, network, address)
	if err != nil || !streams(network) {
		return c, err
	}
	return wrap(hostOf(d.Runtime).origin(network, d.Mode), c), nil
}
