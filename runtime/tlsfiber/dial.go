package tlsfiber

import (
	"context"
	"net"

	"github.com/headrace/headrace/runtime/fiber"
)

// Dial connects to an address on the fiber's loop and does the handshake; ctx is
// for both. Where cfg.TLS does not name the server, the address does.
// A nil cfg is the zero one.
func Dial(ctx context.Context, t *fiber.Task, network, address string, cfg *Config) (*Conn, error) {
	cfg = cfg.orDefault()
	if cfg.TLS.ServerName == "" && !cfg.TLS.InsecureSkipVerify {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: err}
		}
		named := *cfg
		named.TLS = cfg.TLS.Clone()
		named.TLS.ServerName = host
		cfg = &named
	}
	fc, err := t.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := Client(fc, cfg)
	// An end of ctx ends the connection, on its loop; if that has ended, so has it.
	stop := context.AfterFunc(ctx, func() {
		_ = fc.Loop().Post(func() { fc.Conn().Abort(ctx.Err()) })
	})
	returned := false
	defer func() {
		if !returned { // a callback of cfg.TLS panicked, and nobody else can close it
			stop()
			fc.Abort()
		}
	}()
	err = c.Handshake()
	returned = true
	if !stop() && err == nil {
		err = c.handshakeError(ctx.Err())
	}
	if err != nil {
		c.Close() // the peer is told why, if there is a peer
		return nil, err
	}
	return c, nil
}
