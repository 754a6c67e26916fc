//go:build linux

package epoll

import (
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

const patience = 30 * time.Second

// loop is an engine for one test. Close is checked for what it leaves behind.
type loop struct {
	*engine
	t *testing.T
}

func open(t *testing.T, change func(*driver.Config)) *loop {
	t.Helper()
	pool, err := buffers.NewPool(nil)
	require.NoError(t, err)
	cfg := &driver.Config{Pool: pool, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(cfg)
	}
	e, err := Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, e.Close())
		var s driver.Stats
		e.Stats(&s)
		require.Zero(t, s.InFlight)
		require.Zero(t, s.SocketsOpen)
		require.NoError(t, pool.Close())
	})
	return &loop{e.(*engine), t}
}

// call is an operation and what came of it.
type call struct {
	op   driver.Op
	ext  driver.Ext
	out  buffers.Chain
	all  []driver.Result
	data []byte
	from []string
	lens []int // of the chunks
	end  bool
}

func (c *call) Complete(_ *driver.Op, r *driver.Result) {
	c.all = append(c.all, *r)
	c.end = !r.More
	if r.Chunk != nil {
		c.lens = append(c.lens, r.Chunk.Len())
		c.data = append(c.data, r.Chunk.Bytes()...)
		r.Chunk.Release()
	}
	if r.Msg != nil && r.Msg.Remote != nil {
		c.from = append(c.from, r.Msg.Remote.String())
	}
}

func (c *call) last() driver.Result { return c.all[len(c.all)-1] }

func (l *loop) start(code driver.Code, s driver.Socket, set func(*call)) *call {
	c := &call{}
	c.op = driver.Op{Code: code, Socket: s, Owner: c, Ext: &c.ext, Chain: &c.out}
	if set != nil {
		set(c)
	}
	l.Submit(&c.op)
	return c
}

func (l *loop) until(what string, done func() bool) {
	l.t.Helper()
	for end := time.Now().Add(patience); !done(); {
		require.True(l.t, time.Now().Before(end), "waited for %s", what)
		_, err := l.Poll(time.Until(end))
		require.NoError(l.t, err)
	}
}

func (l *loop) end(c *call) driver.Result {
	l.t.Helper()
	l.until(c.op.Code.String(), func() bool { return c.end })
	return c.last()
}

// pair returns a connection: the engine's end and the peer's.
func (l *loop) pair(network string) (driver.Socket, net.Conn) {
	l.t.Helper()
	var addr net.Addr
	if network == "tcp" {
		addr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
	}
	ln, err := l.Listen(network, addr, nil)
	require.NoError(l.t, err)
	peer, err := net.Dial(network, l.LocalAddr(ln).String())
	require.NoError(l.t, err)
	l.t.Cleanup(func() { peer.Close() })
	a := l.start(driver.Accept, ln, nil)
	l.until("accept", func() bool { return len(a.all) > 0 })
	require.NoError(l.t, a.all[0].Err)
	require.NoError(l.t, l.end(l.start(driver.Close, ln, nil)).Err)
	return a.all[0].Socket, peer
}
