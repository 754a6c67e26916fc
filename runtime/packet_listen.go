package runtime

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/headrace/headrace/runtime/driver"
)

// PacketConfig says how to open a datagram socket. Its zero value is good.
type PacketConfig struct {
	// MaxDatagram is the longest datagram to be received whole, in bytes; a longer
	// one is cut, and told by Datagram.Truncated. Default: what a receive buffer
	// holds, which is Config.RecvBufferSize less half a kilobyte. 65535 is enough
	// for anything, at the price of a copy.
	MaxDatagram int

	// SendQueue bounds what waits to be sent, in bytes; default Config.UnsentHigh.
	SendQueue int

	// ReadBuffer and WriteBuffer are the sizes of the kernel's own queues in bytes
	// (SO_RCVBUF, SO_SNDBUF); default the system's.
	ReadBuffer, WriteBuffer int

	// PacketInfo asks for the destination address and the interface of each
	// datagram, TOS for its traffic class with the ECN bits, TTL for its hop count.
	// errors.ErrUnsupported where this package does not know how: it does on Linux.
	PacketInfo, TOS, TTL bool

	// GRO lets the kernel join the datagrams of one peer for the way up (UDP_GRO,
	// Linux 5.0); they are taken apart before the handler sees them. It pays where
	// a network device or the peer's kernel sent them joined, and costs a copy. Only
	// a hint, and for ListenPacket only.
	GRO bool

	// OneSocket opens one socket on one loop, and not one on each (SO_REUSEPORT),
	// among which the kernel spreads the peers. Addresses of multicast groups have
	// one in any case, as Unix sockets have.
	OneSocket bool

	// SharePort lets several processes have the port at once.
	SharePort bool

	// LocalAddr is where DialPacket sends from; nil lets the system choose.
	LocalAddr net.Addr

	// Control is called with each descriptor before it is bound.
	Control func(fd uintptr) error
}

// maxDatagram is the longest there is, joined ones included.
const maxDatagram = 1<<16 - 1

// check tells what can not be meant.
func (cfg *PacketConfig) check() error {
	for _, f := range []struct {
		name  string
		value int
	}{
		{"MaxDatagram", cfg.MaxDatagram}, {"SendQueue", cfg.SendQueue},
		{"ReadBuffer", cfg.ReadBuffer}, {"WriteBuffer", cfg.WriteBuffer},
	} {
		if f.value < 0 {
			return fmt.Errorf("runtime: PacketConfig.%s is negative (%d)", f.name, f.value)
		}
	}
	return nil
}

// control asks for control messages before the program's own Control.
func (cfg *PacketConfig) control() func(fd uintptr) error {
	if !cfg.PacketInfo && !cfg.TOS && !cfg.TTL {
		return cfg.Control
	}
	return func(fd uintptr) error {
		if err := askPacketInfo(fd, cfg); err != nil || cfg.Control == nil {
			return err
		}
		return cfg.Control(fd)
	}
}

// PacketListener is the datagram sockets of one address, one for each loop where
// the system can share a port. Its methods may be called from any goroutine.
type PacketListener struct {
	rt     *Runtime
	addr   net.Addr
	unlink string // the Unix socket's file, which Close removes

	mu      sync.Mutex
	conns   []*PacketConn
	live    int
	past    PacketStats // of sockets that have closed
	closing bool
	closed  chan struct{}
}

// ListenPacket opens datagram sockets on a udp, udp4, udp6 or unixgram address, as
// net.ListenPacket takes it, and gives each the handler that accept returns. ctx
// bounds looking up the address and waiting for its port, as for [Runtime.Listen].
func (rt *Runtime) ListenPacket(
	ctx context.Context, network, address string, accept PacketAcceptFunc,
) (*PacketListener, error) {
	return rt.ListenPacketWith(ctx, nil, network, address, accept)
}

// ListenPacketWith is ListenPacket with a configuration; nil means the zero one.
func (rt *Runtime) ListenPacketWith(
	ctx context.Context, cfg *PacketConfig, network, address string, accept PacketAcceptFunc,
) (*PacketListener, error) {
	if cfg == nil {
		cfg = &PacketConfig{}
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if accept == nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: errNoAccept}
	}
	addr, err := resolvePacketListen(ctx, network, address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: contextError(err)}
	}
	ln := &PacketListener{rt: rt, closed: make(chan struct{})}
	dc := driver.ListenConfig{GRO: cfg.GRO, Control: cfg.control()}
	udp, isUDP := addr.(*net.UDPAddr)
	one := cfg.OneSocket || len(rt.loops) == 1 || !rt.caps.ReusePort || !isUDP || udp.IP.IsMulticast()
	loops := rt.loops
	if one {
		dc.ReusePort = cfg.SharePort
		loops = loops[:1]
	} else if err = ln.askPort(ctx, network, &addr, &dc, cfg.SharePort); err == nil {
		dc.ReusePort = true
	}
	for i := 0; i < len(loops) && err == nil; i++ {
		if err = ln.open(ctx, loops[i], network, addr, cfg, &dc); err == nil {
			addr = ln.addr
		}
	}
	if err == nil {
		err = rt.addListener(ln)
	}
	if err != nil {
		ln.Close()
		return nil, opError("listen", "listen", network, nil, addr, err)
	}
	if u, ok := ln.addr.(*net.UnixAddr); ok && u.Name != "" && !strings.HasPrefix(u.Name, "@") {
		ln.unlink = u.Name
	}
	for _, c := range ln.conns {
		if err := c.loop.Post(func() { c.begin(accept) }); err != nil {
			ln.Close()
			return nil, opError("listen", "", network, nil, addr, err)
		}
	}
	return ln, nil
}

// askPort makes sure that nobody else has the port: SO_REUSEPORT would let us join
// another process of the same user. Port 0 becomes a number.
func (ln *PacketListener) askPort(
	ctx context.Context, network string, addr *net.Addr, dc *driver.ListenConfig, share bool,
) error {
	if share {
		return nil
	}
	l := ln.rt.loops[0]
	asking := &PacketListener{rt: ln.rt, closed: make(chan struct{})}
	err := asking.open(ctx, l, network, *addr, &PacketConfig{}, dc)
	asking.Close()
	return err
}

// open opens a socket on a loop.
func (ln *PacketListener) open(
	ctx context.Context, l *Loop, network string, addr net.Addr, cfg *PacketConfig, dc *driver.ListenConfig,
) error {
	return ln.rt.untilFree(ctx, network, func() error { return ln.openNow(l, network, addr, cfg, dc) })
}

func (ln *PacketListener) openNow(
	l *Loop, network string, addr net.Addr, cfg *PacketConfig, dc *driver.ListenConfig,
) error {
	var err error
	called := l.Call(func() {
		var s driver.Socket
		guarded := *dc
		guarded.Control = l.guarded(dc.Control)
		if s, err = l.engine.Listen(network, addr, &guarded); err != nil {
			return
		}
		c := l.newPacketConn(s, network, cfg, ln)
		ln.mu.Lock()
		defer ln.mu.Unlock()
		ln.conns = append(ln.conns, c)
		ln.live++
		if ln.addr == nil {
			ln.addr = c.local
		}
	})
	return errors.Join(called, err)
}

// Addr returns the address listened on, with the port that the system chose.
func (ln *PacketListener) Addr() net.Addr { return ln.addr }

// Conns returns the sockets, each of which belongs to a loop.
func (ln *PacketListener) Conns() []*PacketConn {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	return append([]*PacketConn(nil), ln.conns...)
}

// Stats returns the counters of all sockets together. It must not be called on a
// loop; there, use [PacketConn.Stats].
func (ln *PacketListener) Stats() PacketStats {
	ln.mu.Lock()
	conns, sum := append([]*PacketConn(nil), ln.conns...), ln.past
	ln.mu.Unlock()
	for _, c := range conns {
		var s PacketStats
		if c.loop.Call(func() {
			if !c.is(psEnded) {
				s = c.Stats()
			}
		}) == nil {
			sum.Add(&s)
		}
	}
	return sum
}

// Close sends what is queued, closes the sockets and waits for that; the file of a
// Unix socket that ListenPacket made is removed. It must not be called on a loop;
// see CloseSoon.
func (ln *PacketListener) Close() error {
	ln.CloseSoon()
	<-ln.closed
	return nil
}

// CloseSoon is Close without waiting.
func (ln *PacketListener) CloseSoon() {
	ln.mu.Lock()
	first := !ln.closing
	ln.closing = true
	if first && ln.live == 0 {
		close(ln.closed)
	}
	conns := append([]*PacketConn(nil), ln.conns...)
	ln.mu.Unlock()
	if !first {
		return
	}
	if ln.unlink != "" {
		_ = os.Remove(ln.unlink) // gone already, perhaps
	}
	for _, c := range conns {
		_ = c.loop.Post(func() { c.Close() }) // a loop that ended has closed it
	}
	ln.rt.removeListener(ln)
}

// gone is called when a socket has closed.
func (ln *PacketListener) gone(c *PacketConn) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.past.Add(&c.stats)
	for i, o := range ln.conns {
		if o == c {
			ln.conns = append(ln.conns[:i:i], ln.conns[i+1:]...)
		}
	}
	if ln.live--; ln.live == 0 && ln.closing {
		close(ln.closed)
	}
}
