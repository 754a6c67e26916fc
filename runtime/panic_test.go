package runtime_test

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// TestPanicsAtTheEnd: callbacks that panic while a connection ends do not keep it
// from ending, nor the runtime from closing.
func TestPanicsAtTheEnd(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	addr, ended := serveFuncs(t, rt, funcs{data: func(c *runtime.Conn, in *buffers.Chain) {
		in.Release()
		var big buffers.Chain
		big.Append(buffers.Wrap(make([]byte, 64<<20), nil))
		_ = c.Send(big)
		for range 3 {
			c.AfterSent(func(err error) { panic(err) })
		}
		c.RecvFull(make([]byte, 10), func(_ int, err error) { panic(err) })
	}})
	c := dial(t, addr)
	_, err := c.Write([]byte("x"))
	require.NoError(t, err)
	_, err = c.Read(make([]byte, 1))
	require.NoError(t, err)
	require.NoError(t, c.(*net.TCPConn).SetLinger(0))
	require.NoError(t, c.Close())
	require.Error(t, receive(t, ended))
	require.EqualValues(t, 4, rt.Stats().Total().Panics)
	require.Zero(t, rt.Stats().Total().Conns)
}

// TestCloseWhileDialing: connections that are made just then are told of the end.
func TestCloseWhileDialing(t *testing.T) {
	server := newRuntime(t, &runtime.Config{Loops: 1})
	addr := listen(t, server, "tcp", acceptEcho)
	for range 30 {
		rt, err := runtime.New(&runtime.Config{Loops: 1})
		require.NoError(t, err)
		const dials = 5
		told := make(chan bool, 2*dials)
		l := rt.Loops()[0]
		require.NoError(t, l.Post(func() {
			for range dials {
				l.Dial(context.Background(), "tcp", addr.String(), func(c *runtime.Conn, err error) runtime.Handler {
					if err != nil {
						told <- false
						return nil
					}
					return &funcs{closed: func(*runtime.Conn, error) { told <- true }}
				})
			}
		}))
		require.NoError(t, rt.Close())
		require.Len(t, told, dials)
	}
}

// TestPanicInControl is an error of who listens or dials, and of nobody else.
func TestPanicInControl(t *testing.T) {
	server := newRuntime(t, &runtime.Config{Loops: 1})
	there := listen(t, server, "tcp", acceptEcho).String()
	packets, err := server.ListenPacket(context.Background(), "udp", "127.0.0.1:0", packetEcho)
	require.NoError(t, err)
	defer packets.Close()
	rt := newRuntime(t, &runtime.Config{Loops: 2})
	ctx, cancel := context.WithTimeout(context.Background(), watchdog)
	defer cancel()
	fails := func(uintptr) error { panic("on purpose") }
	for name, try := range map[string]func() error{
		"listen": func() error {
			_, err := rt.ListenWith(ctx, &runtime.ListenConfig{Control: fails}, "tcp", "127.0.0.1:0", acceptEcho)
			return err
		},
		"dial": func() error {
			_, err := rt.DialWith(ctx, &runtime.DialConfig{Control: fails}, "tcp", there, acceptEcho)
			return err
		},
		"listen packet": func() error {
			_, err := rt.ListenPacketWith(ctx, &runtime.PacketConfig{Control: fails}, "udp", "127.0.0.1:0", packetEcho)
			return err
		},
		"dial packet": func() error {
			_, err := rt.DialPacket(ctx, &runtime.PacketConfig{Control: fails}, "udp", packets.Addr().String(), packetEcho)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := try()
			require.ErrorIs(t, err, runtime.ErrPanic)
			var op *net.OpError
			require.ErrorAs(t, err, &op)
		})
	}
	require.EqualValues(t, 4, rt.Stats().Total().Panics)
}

// TestCallOfWhatPanics: who waits for it is told.
func TestCallOfWhatPanics(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	require.ErrorIs(t, rt.Loops()[0].Call(func() { panic("on purpose") }), runtime.ErrPanic)
	require.NoError(t, rt.Loops()[0].Call(func() {}))
}
