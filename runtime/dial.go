package runtime

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/headrace/headrace/runtime/driver"
)

// DialConfig says how to dial. Its zero value is good.
type DialConfig struct {
	// LocalAddr to dial from; nil lets the system choose.
	LocalAddr net.Addr
	// Control is called with the descriptor before connecting.
	Control func(fd uintptr) error
}

// DialFunc receives the outcome of a dial, on the loop that dialed: a connection,
// for which it returns the handler, or an error.
type DialFunc func(c *Conn, err error) Handler

// Dial connects to a tcp, tcp4, tcp6 or unix address on the loop with the fewest
// connections and waits for it. It must not be called on a loop; see Loop.Dial.
func (rt *Runtime) Dial(ctx context.Context, network, address string, accept AcceptFunc) (*Conn, error) {
	return rt.DialWith(ctx, nil, network, address, accept)
}

// DialWith is Dial with a configuration; nil means the zero one.
func (rt *Runtime) DialWith(
	ctx context.Context, cfg *DialConfig, network, address string, accept AcceptFunc,
) (*Conn, error) {
	type outcome struct {
		c   *Conn
		err error
	}
	if accept == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errNoAccept}
	}
	done := make(chan outcome, 1)
	l := rt.leastLoaded(rt.loops[0])
	err := l.Post(func() {
		l.DialWith(ctx, cfg, network, address, func(c *Conn, err error) Handler {
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

// Dial connects to an address from a loop, without blocking it. done is called
// on the loop with the outcome, ErrClosed if the runtime closes.
func (l *Loop) Dial(ctx context.Context, network, address string, done DialFunc) {
	l.DialWith(ctx, nil, network, address, done)
}

// DialWith is Dial with a configuration; nil means the zero one.
func (l *Loop) DialWith(ctx context.Context, cfg *DialConfig, network, address string, done DialFunc) {
	l.mustRun("Loop.DialWith")
	var failed error
	switch {
	case l.quit:
		failed = ErrClosed
	case !isStream(network):
		failed = net.UnknownNetworkError(network)
	}
	if failed != nil {
		failed = opError("dial", "", network, nil, nil, failed)
		l.later(nil, func() { done(nil, failed) })
		return
	}
	if cfg == nil {
		cfg = &DialConfig{}
	}
	d := &dial{loop: l, ctx: ctx, network: network, done: done}
	d.ext = driver.Ext{Local: cfg.LocalAddr, Control: l.guarded(cfg.Control)}
	d.op = driver.Op{Code: driver.Connect, Owner: d, Ext: &d.ext}
	l.others[d] = struct{}{}
	if addrs, ok := literal(network, address); ok {
		d.begin(addrs, nil)
		return
	}
	go func() { // names are looked up off the loop
		addrs, err := resolveDial(ctx, network, address)
		_ = l.Post(func() { d.begin(addrs, err) })
	}()
}

// dial is a dial in progress: one address after the other.
type dial struct {
	loop    *Loop
	ctx     context.Context
	network string
	addrs   []net.Addr
	op      driver.Op
	ext     driver.Ext
	done    DialFunc
	first   error // of the first address that failed
	unwatch func() bool
	stopped bool
}

// begin starts connecting, when the addresses are known.
func (d *dial) begin(addrs []net.Addr, err error) {
	_, awaited := d.loop.others[d]
	switch {
	case !awaited: // it was abandoned
	case err != nil:
		d.fail(&net.OpError{Op: "dial", Net: d.network, Err: contextError(err)})
		return
	case d.stopped:
		d.fail(&net.OpError{Op: "dial", Net: d.network, Err: ErrClosed})
		return
	case d.ctx.Err() != nil:
		d.fail(&net.OpError{Op: "dial", Net: d.network, Addr: addrs[0], Err: contextError(d.ctx.Err())})
		return
	}
	d.addrs = addrs
	d.unwatch = context.AfterFunc(d.ctx, func() { _ = d.loop.Post(d.stop) })
	d.next()
}

// next tries the next address.
func (d *dial) next() {
	d.ext.Remote = d.addrs[0]
	d.loop.engine.Submit(&d.op)
}

// stop ends the dial early.
func (d *dial) stop() {
	d.stopped = true
	d.loop.engine.Cancel(&d.op)
}

// Complete receives the engine's completions.
func (d *dial) Complete(op *driver.Op, r *driver.Result) {
	if r.Err == nil {
		d.connected(r.Socket)
		return
	}
	err := r.Err
	if d.stopped || d.ctx.Err() != nil {
		if err = contextError(d.ctx.Err()); err == nil {
			err = ErrClosed
		}
		d.addrs = d.addrs[:1]
	}
	if d.first == nil || d.stopped {
		d.first = opError("dial", "connect", d.network, d.ext.Local, d.addrs[0], err)
	}
	if d.addrs = d.addrs[1:]; len(d.addrs) > 0 {
		d.next()
		return
	}
	d.fail(d.first)
}

func (d *dial) connected(s driver.Socket) {
	l := d.loop
	if isTCP(d.network) {
		l.rt.tune(l.engine, s)
	}
	l.stats.Dialed++
	l.numConns.Add(1)
	l.rt.conns.Add(1)
	l.newborns = append(l.newborns, newborn{sock: s, adopted: true, accept: func(c *Conn) Handler {
		d.end()
		return d.done(c, nil)
	}})
}

func (d *dial) fail(err error) {
	d.loop.later(nil, func() {
		d.end()
		d.done(nil, err)
	})
}

func (d *dial) end() {
	if d.unwatch != nil {
		d.unwatch()
	}
	delete(d.loop.others, d)
}

// closeDetached closes a socket that found no new engine.
func closeDetached(d driver.Detached) {
	if c, ok := d.(io.Closer); ok {
		_ = c.Close()
	}
}

// literal parses an address that needs no lookup.
func literal(network, address string) ([]net.Addr, bool) {
	addrs, err := parseAddr(network, address)
	if errors.Is(err, errNeedsLookup) || err != nil {
		return nil, false
	}
	return addrs, true
}
