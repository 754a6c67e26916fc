package tlsfiber

import (
	"crypto/tls"
	"log/slog"
	goruntime "runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/runtime"
)

// Config is what connections have in common. It may be shared by any number of them
// on any loops, and must not change while it is in use.
type Config struct {
	// TLS is crypto/tls's part, which a server needs a certificate in. It is used as
	// it is: session tickets of one connection are good on all others that share it.
	// Nil is crypto/tls's zero configuration.
	TLS *tls.Config

	// HandshakeTimeout is how long a handshake may take, however little the peer
	// sends at a time; default 10 s, negative for no limit.
	HandshakeTimeout time.Duration

	// OnLoop runs handshakes on the loop, which saves changing threads; for a server
	// whose configuration is [Quick]. They are timed: after one that held its loop for
	// more than 5 ms all of the runtime run off the loops for a minute.
	OnLoop bool

	keys *keyLog // after UseKernelTLS
}

// orDefault fills in what is left out.
func (cfg *Config) orDefault() *Config {
	switch {
	case cfg == nil:
		return &Config{TLS: &tls.Config{}}
	case cfg.TLS == nil:
		filled := *cfg
		filled.TLS = &tls.Config{}
		return &filled
	}
	return cfg
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
	// leases is the same for handshakes that may wait for somebody instead.
	leases chan struct{}
	lease  time.Duration
	// whole: a connection can hold a whole record unread.
	whole bool

	log      *slog.Logger
	began    time.Time
	offUntil atomic.Int64 // after began: until when no handshake is for the loop
}

type sharedKey struct{}

func sharedOf(rt *runtime.Runtime) *shared {
	return rt.Local(sharedKey{}, func() any {
		cfg := rt.Config()
		procs := goruntime.GOMAXPROCS(0)
		return &shared{
			turns:  make(chan struct{}, max(1, procs/2)),
			leases: make(chan struct{}, leasesPerProc*procs),
			lease:  leaseTime,
			whole:  cfg.UnreadHigh >= leastUnread,
			log:    cfg.Logger, began: time.Now(),
		}
	}).(*shared)
}

const (
	// leaseTime is more than a step computes; who takes longer waits for somebody.
	leaseTime = 5 * time.Millisecond
	// leasesPerProc: together more steps in a second than a processor computes, so
	// that those who wait cost the others little.
	leasesPerProc = 4
)

// turn waits until a step of a handshake may run, and returns what gives the turn
// back. Who may wait for others, in a callback or for a key, must not keep it from
// them: its turn ends by itself.
func (s *shared) turn(mayWait bool) (back func()) {
	if !mayWait {
		s.turns <- struct{}{}
		return func() { <-s.turns }
	}
	s.leases <- struct{}{}
	once := sync.OnceFunc(func() { <-s.leases })
	timer := time.AfterFunc(s.lease, once)
	return func() { timer.Stop(); once() }
}
