package runtime_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
)

// TestCloseWhileRedialing: a handler that dials again when its connection has ended
// is told that the runtime closes, and does not keep it from that.
func TestCloseWhileRedialing(t *testing.T) {
	server := newRuntime(t, &runtime.Config{Loops: 1})
	there := listen(t, server, "tcp", acceptEcho).String()
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(t, err)
	gaveUp := make(chan error, 2)
	var accept runtime.DialFunc
	accept = func(c *runtime.Conn, err error) runtime.Handler {
		if err != nil {
			gaveUp <- err
			return nil
		}
		return &funcs{closed: func(c *runtime.Conn, _ error) {
			c.Loop().Dial(context.Background(), "tcp", there, accept)
			c.Loop().Dial(context.Background(), "tcp", "localhost:1", accept)
		}}
	}
	l := rt.Loops()[0]
	require.NoError(t, l.Post(func() { l.Dial(context.Background(), "tcp", there, accept) }))
	haveConns(t, rt, 1)
	require.NoError(t, rt.Close())
	require.ErrorIs(t, receive(t, gaveUp), runtime.ErrClosed)
	require.ErrorIs(t, receive(t, gaveUp), runtime.ErrClosed)
}

// TestCloseWhileOpeningPackets: nor does one that opens datagram sockets.
func TestCloseWhileOpeningPackets(t *testing.T) {
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(t, err)
	l := rt.Loops()[0]
	gaveUp, opened := make(chan error, 1), make(chan struct{})
	first := true
	var open func()
	open = func() {
		l.DialPacket(context.Background(), nil, "udp", "127.0.0.1:9",
			func(_ *runtime.PacketConn, err error) runtime.PacketHandler {
				if err != nil {
					gaveUp <- err
					return nil
				}
				if first {
					first = false
					close(opened)
				}
				return &packetReopens{open: open}
			})
	}
	require.NoError(t, l.Post(open))
	receive(t, opened)
	require.NoError(t, rt.Close())
	require.ErrorIs(t, receive(t, gaveUp), runtime.ErrClosed)
}

// packetReopens is a handler that does something at its socket's end.
type packetReopens struct {
	packetFunc
	open func()
}

func (h *packetReopens) Closed(*runtime.PacketConn, error) { h.open() }

// lingers is a handler that needs a moment to finish.
type lingers struct{ funcs }

func (*lingers) Shutdown(c *runtime.Conn) {
	c.Loop().AfterFunc(20*time.Millisecond, func() { c.Close() })
}

// TestShutdownTellsLateConnections: those whose dial ends after it began, too.
func TestShutdownTellsLateConnections(t *testing.T) {
	server := newRuntime(t, &runtime.Config{Loops: 1})
	there := listen(t, server, "tcp", acceptEcho).String()
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(t, err)
	ctx := context.Background()
	_, err = rt.Dial(ctx, "tcp", there, func(*runtime.Conn) runtime.Handler { return &lingers{} })
	require.NoError(t, err)
	l := rt.Loops()[0]
	told, dialing, free := make(chan error, 1), make(chan struct{}), make(chan struct{})
	cfg := &runtime.DialConfig{Control: func(uintptr) error {
		close(dialing)
		<-free // until Shutdown has posted what it has to tell
		return nil
	}}
	require.NoError(t, l.Post(func() {
		l.DialWith(ctx, cfg, "tcp", there, func(_ *runtime.Conn, err error) runtime.Handler {
			told <- err
			return echo{}
		})
	}))
	receive(t, dialing)
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(ctx, watchdog)
	defer cancel()
	go func() { ended <- rt.Shutdown(ctx) }()
	time.Sleep(10 * time.Millisecond)
	close(free)
	require.NoError(t, receive(t, told))
	require.NoError(t, receive(t, ended))
}

// TestListenWhileClosing: a listener whose first socket the runtime closes while it
// opens the second one.
func TestListenWhileClosing(t *testing.T) {
	rt, err := runtime.New(&runtime.Config{Loops: 2, StallThreshold: -1})
	require.NoError(t, err)
	if !rt.Caps().ReusePort {
		require.NoError(t, rt.Close())
		t.Skip("one socket")
	}
	ended := make(chan error, 1)
	calls := 0
	cfg := &runtime.ListenConfig{Control: func(uintptr) error {
		if calls++; calls == 3 { // the first one asks whether the port is free
			go func() { ended <- rt.Close() }()
			// Meanwhile the other loop closes what it has.
			for rt.Loops()[0].Call(func() {}) == nil {
				time.Sleep(time.Millisecond)
			}
		}
		return nil
	}}
	_, err = rt.ListenWith(context.Background(), cfg, "tcp", "127.0.0.1:0", acceptEcho)
	require.ErrorIs(t, err, net.ErrClosed)
	require.NoError(t, receive(t, ended))
}
