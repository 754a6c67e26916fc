package tlsfiber

import (
	"crypto/tls"
	goruntime "runtime"
	"time"

	"github.com/headrace/headrace/runtime"
)

// Config is what connections have in common. It may be shared by any number of them
// on any loops, and must not change while it is in use.
type Config struct {
	// TLS is crypto/tls's part, which a server needs a certificate in. It is used as
	// it is: session tickets of one connection are good on all others that share it.
	TLS *tls.Config

	// HandshakeTimeout is how long a handshake may take, however little the peer
	// sends at a time; default 10 s, negative for no limit.
	HandshakeTimeout time.Duration

	// OnLoop runs handshakes on the loop, which saves changing threads; for a server
	// whose configuration is [Quick].
	OnLoop bool

	keys *keyLog // after UseKernelTLS
}

const defaultHandshakeTimeout = 10 * time.Second

func (cfg *Config) handshakeTimeout() time.Duration {
	if cfg.HandshakeTimeout == 0 {
		return defaultHandshakeTimeout
	}
	return cfg.HandshakeTimeout
}

// shared is what all connections of a runtime have in common.
type shared struct {
	// turns bounds how many handshakes compute at a time: loops need cores, too.
	turns chan struct{}
	// whole: a connection can hold a whole record unread.
	whole bool
}

type sharedKey struct{}

func sharedOf(rt *runtime.Runtime) *shared {
	return rt.Local(sharedKey{}, func() any {
		cfg := rt.Config()
		return &shared{
			turns: make(chan struct{}, max(1, goruntime.GOMAXPROCS(0)/2)),
			whole: cfg.UnreadHigh >= leastUnread,
		}
	}).(*shared)
}
