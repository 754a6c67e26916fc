package runtime_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

// TestPanicInOpened: who dials or gives a connection away hears of it all the same.
func TestPanicInOpened(t *testing.T) {
	server := newRuntime(t, &runtime.Config{Loops: 1})
	there := listen(t, server, "tcp", acceptEcho)
	rt := newRuntime(t, &runtime.Config{Loops: 1, Hooks: runtime.Hooks{
		Opened: func(*runtime.Conn) { panic("on purpose") },
	}})
	ended := make(chan error, 2)
	accept := func(*runtime.Conn) runtime.Handler {
		return &funcs{closed: func(_ *runtime.Conn, err error) { ended <- err }}
	}
	ctx, cancel := context.WithTimeout(context.Background(), watchdog)
	defer cancel()
	_, err := rt.Dial(ctx, "tcp", there.String(), accept)
	require.NoError(t, err)
	require.ErrorIs(t, receive(t, ended), runtime.ErrPanic)

	c := dial(t, there)
	l := rt.Loops()[0]
	require.NoError(t, l.Call(func() { err = l.Adopt(c, accept) }))
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("skip: %v", err)
	}
	require.NoError(t, err)
	require.ErrorIs(t, receive(t, ended), runtime.ErrPanic)
}

// TestDetachInAccept: the handler hears no more of the connection, Open neither.
func TestDetachInAccept(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	got := make(chan driver.Detached, 1)
	opened := 0
	addr := listen(t, rt, "tcp", func(c *runtime.Conn) runtime.Handler {
		c.Detach(func(s driver.Detached, in buffers.Chain, _ error) {
			in.Release()
			got <- s
		})
		return &funcs{open: func(*runtime.Conn) { opened++ }}
	})
	dial(t, addr)
	if s, ok := receive(t, got).(io.Closer); ok {
		require.NoError(t, s.Close())
	}
	require.NoError(t, rt.Loops()[0].Call(func() {}))
	require.Zero(t, opened)
}

// TestAcceptSendsAndRefuses: what accept sent reaches the peer, also if it returns no
// handler.
func TestAcceptSendsAndRefuses(t *testing.T) {
	rt := newRuntime(t, nil)
	long := make([]byte, 8<<20)
	addr := listen(t, rt, "tcp", func(c *runtime.Conn) runtime.Handler {
		var chain buffers.Chain
		chain.Append(buffers.Wrap(long, nil))
		_ = c.Send(chain)
		_, _ = c.WriteString("come again")
		return nil
	})
	c := dial(t, addr)
	all, err := io.ReadAll(c)
	require.NoError(t, err)
	require.True(t, bytes.Equal(append(long, "come again"...), all), "%d bytes", len(all))
	haveConns(t, rt, 0)
}
