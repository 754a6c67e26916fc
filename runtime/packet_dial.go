package runtime

import (
	"context"
	"net"

	"github.com/headrace/headrace/runtime/driver"
)

// PacketDialFunc receives the outcome of Loop.DialPacket, on the loop: a connected
// socket, for which it returns the handler, or an error.
type PacketDialFunc func(c *PacketConn, err error) PacketHandler

// DialPacket opens a datagram socket that is connected to a udp, udp4, udp6 or
// unixgram address, on the loop with the fewest connections. It must not be called
// on a loop; see Loop.DialPacket.
func (rt *Runtime) DialPacket(
	ctx context.Context, cfg *PacketConfig, network, address string, accept PacketAcceptFunc,
) (*PacketConn, error) {
	type outcome struct {
		c   *PacketConn
		err error
	}
	done := make(chan outcome, 1)
	l := rt.leastLoaded(rt.loops[0])
	err := l.Post(func() {
		l.DialPacket(ctx, cfg, network, address, func(c *PacketConn, err error) PacketHandler {
			done <- outcome{c, err}
			if err != nil {
				return nil
			}
			return accept(c)
		})
	})
	if err != nil {
		return nil, opError("dial", "", network, nil, nil, err)
	}
	select {
	case o := <-done:
		return o.c, o.err
	case <-l.done:
		return nil, opError("dial", "", network, nil, nil, ErrClosed)
	}
}

// DialPacket opens a connected datagram socket from the loop, without blocking it.
// A nil cfg means the zero one. done is called on the loop with the outcome.
func (l *Loop) DialPacket(ctx context.Context, cfg *PacketConfig, network, address string, done PacketDialFunc) {
	l.mustRun("Loop.DialPacket")
	if cfg == nil {
		cfg = &PacketConfig{}
	}
	failed := cfg.check()
	if failed == nil && l.quit {
		failed = opError("dial", "", network, nil, nil, ErrClosed)
	}
	if failed != nil {
		l.later(nil, func() { done(nil, failed) })
		return
	}
	d := &packetDial{loop: l, cfg: *cfg, network: network, done: done}
	d.ext = driver.Ext{Local: cfg.LocalAddr, Control: l.guarded(cfg.control())}
	d.op = driver.Op{Code: driver.Connect, Owner: d, Ext: &d.ext}
	l.others[d] = struct{}{}
	if addrs, err := parsePacketAddr(network, address); err == nil {
		d.begin(addrs, nil)
		return
	}
	go func() { // names are looked up off the loop
		addrs, err := resolvePacket(ctx, network, address)
		_ = l.Post(func() { d.begin(addrs, err) })
	}()
}

// packetDial is a DialPacket in progress: one address after the other.
type packetDial struct {
	loop    *Loop
	cfg     PacketConfig
	network string
	addrs   []net.Addr // to try after this one
	first   error      // of the first address that failed
	op      driver.Op
	ext     driver.Ext
	done    PacketDialFunc
	stopped bool
}

func (d *packetDial) begin(addrs []net.Addr, err error) {
	_, awaited := d.loop.others[d]
	switch {
	case !awaited: // it was abandoned
	case err != nil:
		d.fail(&net.OpError{Op: "dial", Net: d.network, Err: contextError(err)})
	case d.stopped:
		d.fail(&net.OpError{Op: "dial", Net: d.network, Err: ErrClosed})
	default:
		d.addrs = addrs
		d.next()
	}
}

// next tries the next address. To connect a datagram socket asks nobody, but there may
// be no way to that address, as to those of IPv6 where there is none.
func (d *packetDial) next() {
	d.ext.Remote = d.addrs[0]
	d.addrs = d.addrs[1:]
	d.loop.engine.Submit(&d.op)
}

func (d *packetDial) stop() {
	d.stopped = true
	d.loop.engine.Cancel(&d.op)
}

// Complete receives the engine's completions.
func (d *packetDial) Complete(_ *driver.Op, r *driver.Result) {
	l := d.loop
	if r.Err != nil {
		err := r.Err
		if d.stopped {
			err = ErrClosed
		}
		err = opError("dial", "connect", d.network, d.ext.Local, d.ext.Remote, err)
		if d.first == nil || d.stopped {
			d.first = err
		}
		if d.stopped || len(d.addrs) == 0 {
			d.fail(d.first)
			return
		}
		d.next()
		return
	}
	l.stats.Dialed++
	l.numConns.Add(1)
	c := l.newPacketConn(r.Socket, d.network, &d.cfg, nil)
	c.dialed = true
	l.later(nil, func() {
		delete(l.others, d)
		c.begin(func(c *PacketConn) PacketHandler { return d.done(c, nil) })
	})
}

func (d *packetDial) fail(err error) {
	d.loop.later(nil, func() {
		delete(d.loop.others, d)
		d.done(nil, err)
	})
}

// AdoptPacket takes in a datagram socket that exists: a net.PacketConn or an
// *os.File. On success the runtime owns it; on error it is still the caller's. Like
// all of the loop's methods it is called on the loop.
func (l *Loop) AdoptPacket(socket driver.Detached, cfg *PacketConfig, accept PacketAcceptFunc) (*PacketConn, error) {
	l.mustRun("Loop.AdoptPacket")
	if cfg == nil {
		cfg = &PacketConfig{}
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if l.quitting {
		return nil, ErrClosed
	}
	s, err := l.engine.Attach(socket)
	if err != nil {
		return nil, &net.OpError{Op: "adopt", Net: "fd", Err: err}
	}
	network := "udp"
	if a := l.engine.LocalAddr(s); a != nil {
		network = a.Network()
	}
	c := l.newPacketConn(s, network, cfg, nil)
	l.later(nil, func() { c.begin(accept) })
	return c, nil
}
