package main

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/examples/internal/app"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
)

// proxy forwards connections.
type proxy struct {
	rt      *runtime.Runtime
	targets []*target
	picker  picker
	connect time.Duration
	idle    time.Duration
	nowhere atomic.Uint64 // clients that no target took
	clients atomic.Uint64 // connections that ended with an error of the client
	idled   atomic.Uint64 // connections that ended for being idle
}

// serve forwards one connection, until both sides have ended.
func (p *proxy) serve(c *fiber.Conn) error {
	t, up, err := p.dial(c)
	if err != nil {
		p.nowhere.Add(1)
		p.rt.Logger().Warn("no target took a connection", slog.Any("client", c.RemoteAddr()), slog.Any("err", err))
		c.Abort() // an end would look like an empty answer
		return err
	}
	r := fiber.RelayIdle(c, up, p.idle)
	t.active.Add(-1)
	t.sent.Add(r.AToB)
	t.got.Add(r.BToA)
	switch {
	case errors.Is(r.ErrA, runtime.ErrIdle):
		p.idled.Add(1)
	case r.ErrB != nil:
		t.failed.Add(1)
		p.rt.Logger().Info("target failed", slog.String("target", t.name), slog.Any("err", r.ErrB))
	case r.ErrA != nil:
		p.clients.Add(1)
	}
	return nil
}

// dial connects to the first target that takes the connection, and counts it there.
func (p *proxy) dial(c *fiber.Conn) (*target, *fiber.Conn, error) {
	var tried []*target
	var errs []error
	for {
		t := p.picker.next(tried)
		if t == nil {
			return nil, nil, errors.Join(errs...)
		}
		t.active.Add(1) // before waiting: others are to see it
		ctx, cancel := app.Within(context.Background(), p.connect)
		up, err := c.Dial(ctx, t.network, t.address)
		cancel()
		if err == nil {
			t.total.Add(1)
			t.outTill.Store(0)
			return t, up, nil
		}
		t.active.Add(-1)
		p.picker.refuse(t)
		tried, errs = append(tried, t), append(errs, err)
	}
}
