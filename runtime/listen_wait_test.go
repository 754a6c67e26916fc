package runtime_test

import (
	"context"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
)

// TestListenAsksAgain: a port that somebody gives up in a moment is waited for where
// a process that was killed may hold it, and no longer than the context lives.
func TestListenAsksAgain(t *testing.T) {
	rt := newRuntime(t, nil)
	if rt.Backend() != runtime.IOUring {
		t.Skip("the engines of today's processes leave ports with them")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	asked := 0
	second := func(do func()) func(uintptr) error {
		asked = 0
		return func(uintptr) error {
			if asked++; asked == 2 {
				do()
			}
			return nil
		}
	}

	t.Run("tcp", func(t *testing.T) {
		held, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		addr := held.Addr()
		cfg := &runtime.ListenConfig{Control: second(func() { held.Close() })}
		ln, err := rt.ListenWith(ctx, cfg, "tcp", addr.String(), acceptEcho)
		require.NoError(t, err)
		require.NoError(t, pingPong(addr, "here", 1))
		require.NoError(t, ln.Close())
	})
	t.Run("udp", func(t *testing.T) {
		held, err := net.ListenPacket("udp", "127.0.0.1:0")
		require.NoError(t, err)
		cfg := &runtime.PacketConfig{Control: second(func() { held.Close() })}
		ln, err := rt.ListenPacketWith(ctx, cfg, "udp", held.LocalAddr().String(), packetEcho)
		require.NoError(t, err)
		require.NoError(t, ln.Close())
	})
	t.Run("context", func(t *testing.T) {
		held, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer held.Close()
		cfg := &runtime.ListenConfig{Control: second(cancel)}
		_, err = rt.ListenWith(ctx, cfg, "tcp", held.Addr().String(), acceptEcho)
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.Equal(t, 2, asked)
	})
}
