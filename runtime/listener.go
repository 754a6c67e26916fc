package runtime

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/headrace/headrace/runtime/driver"
)

// ListenConfig says how to listen. Its zero value is good.
type ListenConfig struct {
	// Backlog of listen(2); default the system's maximum.
	Backlog int
	// SharePort lets several processes listen on the port at once (SO_REUSEPORT
	// without asking whether it is taken), as for an upgrade without a gap.
	SharePort bool
	// OneQueue accepts on one loop and hands connections to the loop with the
	// fewest, instead of leaving the choice to the kernel (SO_REUSEPORT per loop).
	OneQueue bool
	// Control is called with each descriptor before it is bound.
	Control func(fd uintptr) error
}

// Listener accepts connections on the loops of a runtime. Its methods may be
// called from any goroutine.
type Listener struct {
	rt     *Runtime
	addr   net.Addr
	accept AcceptFunc
	spread bool   // connections go to the loop with the fewest
	unlink string // the Unix socket's file, which Close removes
	conns  atomic.Int64

	mu        sync.Mutex
	acceptors []*acceptor
	live      int
	closing   bool
	closed    chan struct{}
}

// Listen listens on a tcp, tcp4, tcp6 or unix address, as net.Listen takes it,
// and gives every connection the handler that accept returns. ctx bounds nothing but
// looking up the address and waiting for its port: with io_uring a process that was
// killed holds it for some moments more, so half a second passes before a port is said
// to be taken.
func (rt *Runtime) Listen(ctx context.Context, network, address string, accept AcceptFunc) (*Listener, error) {
	return rt.ListenWith(ctx, nil, network, address, accept)
}

// ListenWith is Listen with a configuration; nil means the zero one.
func (rt *Runtime) ListenWith(
	ctx context.Context, cfg *ListenConfig, network, address string, accept AcceptFunc,
) (*Listener, error) {
	if cfg == nil {
		cfg = &ListenConfig{}
	}
	if accept == nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: errNoAccept}
	}
	if !isStream(network) {
		return nil, &net.OpError{Op: "listen", Net: network, Err: net.UnknownNetworkError(network)}
	}
	addr, err := resolveListen(ctx, network, address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: contextError(err)}
	}
	ln := &Listener{rt: rt, accept: accept, closed: make(chan struct{})}
	dc := driver.ListenConfig{Backlog: cfg.Backlog, Control: cfg.Control}
	one := cfg.OneQueue || len(rt.loops) == 1 || !rt.caps.ReusePort || !isTCP(network)
	if one {
		dc.ReusePort = cfg.SharePort
		err = ln.open(ctx, rt.loops[0], network, addr, &dc)
	} else {
		err = ln.openAll(ctx, network, addr, &dc, cfg.SharePort)
	}
	if err != nil {
		ln.Close()
		return nil, opError("listen", "listen", network, nil, addr, err)
	}
	if u, ok := ln.addr.(*net.UnixAddr); ok && !strings.HasPrefix(u.Name, "@") {
		ln.unlink = u.Name
	}
	ln.spread = one && len(rt.loops) > 1 && rt.caps.Attach
	if err := rt.addListener(ln); err != nil {
		ln.Close()
		return nil, opError("listen", "", network, nil, addr, err)
	}
	return ln, ln.start()
}

// ListenOn accepts on a listening socket that exists: an *os.File as inherited
// from another process or from systemd, or a net.Listener. On success the
// runtime owns it.
func (rt *Runtime) ListenOn(socket driver.Detached, accept AcceptFunc) (*Listener, error) {
	return rt.ListenOnEach([]driver.Detached{socket}, accept)
}

// openAll opens a socket with a queue of its own for each loop.
func (ln *Listener) openAll(
	ctx context.Context, network string, addr net.Addr, dc *driver.ListenConfig, share bool,
) error {
	if !share {
		// SO_REUSEPORT would let us join a port that another process of the same
		// user serves: ask once without it.
		probe := &Listener{rt: ln.rt, closed: make(chan struct{})}
		err := probe.open(ctx, ln.rt.loops[0], network, addr, dc)
		probe.Close()
		if err != nil {
			return err
		}
	}
	dc.ReusePort = true
	for i, l := range ln.rt.loops {
		if err := ln.open(ctx, l, network, addr, dc); err != nil {
			return err
		}
		if i == 0 {
			addr = ln.addr // port 0 became a number
		}
	}
	return nil
}

// open opens a socket on a loop.
func (ln *Listener) open(
	ctx context.Context, l *Loop, network string, addr net.Addr, dc *driver.ListenConfig,
) error {
	return ln.rt.untilFree(ctx, network, func() error {
		return ln.do(l, func() (driver.Socket, error) {
			guarded := *dc
			guarded.Control = l.guarded(dc.Control)
			s, err := l.engine.Listen(network, addr, &guarded)
			if err == nil && isTCP(network) {
				l.rt.tune(l.engine, s) // so are the sockets that it accepts
			}
			return s, err
		})
	})
}

// do opens an acceptor on its loop.
func (ln *Listener) do(l *Loop, open func() (driver.Socket, error)) error {
	var err error
	called := l.Call(func() {
		var s driver.Socket
		if s, err = open(); err == nil {
			ln.add(l, s)
		}
	})
	return errors.Join(called, err)
}

// add makes the acceptor of a socket, on its loop.
func (ln *Listener) add(l *Loop, s driver.Socket) {
	a := &acceptor{ln: ln, loop: l, sock: s}
	a.op = driver.Op{Code: driver.Accept, Owner: a, Socket: s}
	a.closeOp = driver.Op{Code: driver.Close, Owner: a, Socket: s}
	l.others[a] = struct{}{}
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.addr == nil {
		ln.addr = l.engine.LocalAddr(s)
	}
	ln.acceptors = append(ln.acceptors, a)
	ln.live++
}

// start lets all acceptors accept.
func (ln *Listener) start() error {
	for _, a := range ln.acceptors {
		if err := a.loop.Post(a.accept); err != nil {
			ln.Close()
			return opError("listen", "", "", nil, ln.addr, err)
		}
	}
	return nil
}

// Addr returns the address listened on, with the port that the system chose.
func (ln *Listener) Addr() net.Addr { return ln.addr }

// Conns returns how many of the connections accepted here are open.
func (ln *Listener) Conns() int { return int(ln.conns.Load()) }

// Close stops accepting and waits until the port is free; the file of a Unix
// socket that Listen made is removed. Connections that were
// accepted go on. It must not be called on a loop; see CloseSoon.
func (ln *Listener) Close() error {
	ln.CloseSoon()
	<-ln.closed
	return nil
}

// CloseSoon stops accepting without waiting.
func (ln *Listener) CloseSoon() {
	ln.mu.Lock()
	first := !ln.closing
	ln.closing = true
	if first && ln.live == 0 {
		close(ln.closed)
	}
	acceptors, unlink := ln.acceptors, ln.unlink
	ln.mu.Unlock()
	if !first {
		return
	}
	if unlink != "" {
		_ = os.Remove(unlink) // gone already, perhaps
	}
	for _, a := range acceptors {
		_ = a.loop.Post(a.stop) // a loop that ended has closed it
	}
	ln.rt.removeListener(ln)
}

// gone is called when an acceptor has closed its socket.
func (ln *Listener) gone() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.live--; ln.live == 0 && ln.closing { // it closes by itself when a loop ends
		close(ln.closed)
	}
}

// String describes the listener for logs.
func (ln *Listener) String() string { return fmt.Sprintf("listener %v", ln.addr) }
