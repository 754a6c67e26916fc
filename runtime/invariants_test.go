//go:build invariants

package runtime_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

// TestCallsFromOutsideTheLoop: each method that belongs to the loop's goroutine
// says so, before it touches anything.
func TestCallsFromOutsideTheLoop(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 2})
	conns := make(chan *runtime.Conn, 1)
	addr := listen(t, rt, "tcp", func(c *runtime.Conn) runtime.Handler {
		conns <- c
		return echo{}
	})
	peer := dial(t, addr)
	c := receive(t, conns)
	l := c.Loop()
	var timer *runtime.Timer
	require.NoError(t, l.Call(func() { timer = l.AfterFunc(time.Hour, func() {}) }))
	packets := make(chan *runtime.PacketConn, 2) // one a loop
	listenPacket(t, rt, nil, "udp", func(p *runtime.PacketConn) runtime.PacketHandler {
		packets <- p
		return &packetFunc{}
	})
	p := receive(t, packets)
	calls := map[string]func(){
		"Conn.Send":            func() { _ = c.Send(buffers.Chain{}) },
		"Conn.Write":           func() { _, _ = c.Write(nil) },
		"Conn.SendFile":        func() { _ = c.SendFile(nil, 0, 0, nil) },
		"Conn.AfterSent":       func() { c.AfterSent(func(error) {}) },
		"Conn.RecvFull":        func() { c.RecvFull(nil, func(int, error) {}) },
		"Conn.RecvToFile":      func() { c.RecvToFile(nil, 0, 0, nil, nil) },
		"Conn.Pause":           c.Pause,
		"Conn.Resume":          c.Resume,
		"Conn.Consumed":        c.Consumed,
		"Conn.Close":           func() { c.Close() },
		"Conn.Abort":           func() { c.Abort(nil) },
		"Conn.CloseWrite":      func() { _ = c.CloseWrite() },
		"Conn.CloseRead":       func() { _ = c.CloseRead() },
		"Conn.SetOption":       func() { _ = c.SetOption(driver.NoDelay, 1) },
		"Conn.Control":         func() { _ = c.Control(func(uintptr) {}) },
		"Conn.SetHandler":      func() { c.SetHandler(nil) },
		"Conn.SetIdleTimeout":  func() { c.SetIdleTimeout(0) },
		"Conn.SetReadTimeout":  func() { c.SetReadTimeout(0) },
		"Conn.SetWriteTimeout": func() { c.SetWriteTimeout(0) },
		"Conn.Detach":          func() { c.Detach(nil) },
		"Loop.AfterFunc":       func() { l.AfterFunc(0, nil) },
		"Loop.DialWith":        func() { l.Dial(context.Background(), "tcp", addr.String(), nil) },
		"Loop.Adopt":           func() { _ = l.Adopt(nil, nil) },
		"Loop.Offload":         func() { l.Offload(nil, nil) },
		"Loop.Stats":           func() { l.Stats() },
		"Conn.SetHint":         func() { c.SetHint(runtime.Balanced) },
		"Conn.Expect":          func() { c.Expect(1) },
		"Loop.WriteFile":       func() { l.WriteFile(nil, 0, buffers.Chain{}, nil) },
		"Loop.SyncFile":        func() { l.SyncFile(nil, nil) },
		"Loop.DialPacket":      func() { l.DialPacket(context.Background(), nil, "udp", addr.String(), nil) },
		"Loop.AdoptPacket":     func() { _, _ = l.AdoptPacket(nil, nil, nil) },

		"PacketConn.SetOption": func() { _ = p.SetOption(driver.NoDelay, 1) },
		"PacketConn.Control":   func() { _ = p.Control(func(uintptr) {}) },
		"PacketConn.Close":     func() { _ = p.Close() },
		"PacketConn.Abort":     func() { p.Abort(nil) },
		"PacketConn.Pause":     p.Pause,
		"PacketConn.Resume":    p.Resume,
		"PacketConn.Send":      func() { _ = p.Send(nil, runtime.PacketAddr{}) },
		"PacketConn.WriteMsg":  func() { _ = p.WriteMsg(nil, runtime.PacketAddr{}, nil) },
		"PacketConn.Stats":     func() { p.Stats() },

		"Timer.Stop":  func() { timer.Stop() },
		"Timer.Reset": func() { timer.Reset(0) },
	}
	for name, call := range calls {
		func() {
			defer func() { require.Contains(t, recover(), name+" called from outside the loop") }()
			call()
		}()
	}
	other := rt.Loops()[(l.Index()+1)%2]
	var value any
	require.NoError(t, other.Call(func() {
		defer func() { value = recover() }()
		c.Pause()
	}))
	require.Contains(t, value, "Conn.Pause called from outside the loop", "another loop is outside too")
	require.NoError(t, pingPongOn(peer, "unharmed", 3))
}
