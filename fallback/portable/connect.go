package portable

import (
	"context"
	"errors"
	"net"
	"syscall"

	"github.com/headrace/headrace/runtime/driver"
)

// accept starts one accept.
func (e *engine) accept(fl *flight) {
	fl.s.readyToRead()
	fl.phase = running
	go fl.accept()
}

func (fl *flight) accept() {
	fl.conn, fl.err = fl.s.ln.Accept()
	fl.e.queue.post(fl)
}

// accepted delivers a connection and goes on accepting. Every error is final;
// ECONNABORTED and the like package net has dealt with.
func (e *engine) accepted(fl *flight) {
	fl.phase = landed
	if c := fl.conn; c != nil {
		fl.conn = nil
		s := e.adopt(c)
		s.inherit(fl.s.settings)
		e.complete(fl, driver.Result{Socket: s.id, More: true})
	}
	err := fl.err
	switch {
	case fl.canceled && (err == nil || timedOut(err)):
		e.complete(fl, driver.Result{Err: driver.ErrCanceled})
	case err == nil || timedOut(err):
		fl.s.rdPast = fl.s.rdPast || timedOut(err)
		fl.err = nil
		e.accept(fl)
	default:
		e.complete(fl, driver.Result{Err: bare(err)})
	}
}

// connect starts a dial. It has no lane: there is no socket yet.
func (e *engine) connect(fl *flight) {
	ext := fl.op.Ext
	if ext == nil || ext.Remote == nil {
		e.land(fl, 0, errors.ErrUnsupported)
		return
	}
	// Keep-alive and delay are for the owner to set, as with other engines.
	d := net.Dialer{LocalAddr: ext.Local, KeepAlive: -1, Control: controlOf(ext.Control)}
	ctx, cancel := context.WithCancel(context.Background())
	fl.cancel = cancel
	fl.phase = running
	go fl.dial(ctx, &d)
}

func (fl *flight) dial(ctx context.Context, d *net.Dialer) {
	remote := fl.op.Ext.Remote
	fl.conn, fl.err = d.DialContext(ctx, remote.Network(), remote.String())
	fl.e.queue.post(fl)
}

func (e *engine) connected(fl *flight) {
	fl.cancel()
	err := fl.err
	switch {
	case err == nil:
		e.complete(fl, driver.Result{Socket: e.adopt(fl.conn).id})
	case fl.canceled && errors.Is(err, context.Canceled):
		e.complete(fl, driver.Result{Err: driver.ErrCanceled})
	default:
		e.complete(fl, driver.Result{Err: bare(err)})
	}
}

// controlOf makes what package net calls of what the contract calls.
func controlOf(f func(fd uintptr) error) func(network, address string, c syscall.RawConn) error {
	if f == nil {
		return nil
	}
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		if cerr := c.Control(func(fd uintptr) { err = f(fd) }); cerr != nil {
			return cerr
		}
		return err
	}
}
