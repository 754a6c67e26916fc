package fiber_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
)

// TestShutdownEndsReadFull: a fiber that waits for the first byte reads io.EOF, however
// much it asks for; one that has some of them has the rest, too.
func TestShutdownEndsReadFull(t *testing.T) {
	for name, test := range map[string]struct {
		size, some int
		err        error
	}{
		"small":       {1 << 10, 0, io.EOF},
		"large":       {256 << 10, 0, io.EOF},
		"large, some": {256 << 10, 64 << 10, nil},
	} {
		t.Run(name, func(t *testing.T) {
			rt, err := runtime.New(&runtime.Config{Loops: 1})
			require.NoError(t, err)
			reading, got := make(chan *fiber.Conn, 1), make(chan error, 1)
			addr := serve(t, rt, func(c *fiber.Conn) error {
				if err := c.WaitUnread(test.some); err != nil {
					return err
				}
				reading <- c
				_, err := c.ReadFull(make([]byte, test.size))
				got <- err
				return err
			})
			peer := dial(t, addr)
			_, err = peer.Write(make([]byte, test.some))
			require.NoError(t, err)
			c := <-reading
			ended := make(chan error, 1)
			ctx, cancel := context.WithTimeout(context.Background(), watchdog)
			defer cancel()
			go func() { ended <- rt.Shutdown(ctx) }()
			if test.some > 0 {
				for told := false; !told; {
					require.NoError(t, c.Loop().Call(func() { told = c.Draining() }))
				}
				_, err = peer.Write(make([]byte, test.size-test.some))
				require.NoError(t, err)
			}
			require.ErrorIs(t, <-got, test.err)
			require.NoError(t, <-ended)
		})
	}
}

// TestReadFromNothing: a limit below zero is one that is used up.
func TestReadFromNothing(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(name, randomBytes(1000), 0o600))
	addr := serve(t, newRuntime(t), func(c *fiber.Conn) error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		for _, limit := range []int64{-1, 0} {
			if n, err := io.CopyN(c, f, limit); n > 0 {
				t.Errorf("copied %d: %v", n, err)
			}
		}
		_, err = c.WriteString("nothing")
		return err
	})
	require.Equal(t, "nothing", string(roundTrip(t, addr, nil)))
}

// TestPanicEndsItsPacketSocket: also when no callback of the socket resumed the fiber.
func TestPanicEndsItsPacketSocket(t *testing.T) {
	for name, resumed := range map[string]func(c *fiber.PacketConn){
		"offload": func(c *fiber.PacketConn) { c.Offload(func() {}) },
		"work":    func(c *fiber.PacketConn) { c.Offload(func() { panic("as asked") }) },
		"sleep":   func(c *fiber.PacketConn) { c.Sleep(time.Millisecond) },
		"read":    func(c *fiber.PacketConn) { _, _ = c.Read(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			rt := packetRuntime(t)
			ln, err := rt.ListenPacket(context.Background(), "udp", "127.0.0.1:0",
				fiber.ServePacket(func(c *fiber.PacketConn) error {
					resumed(c)
					panic("as asked")
				}))
			require.NoError(t, err)
			defer ln.Close()
			_, err = packetPeer(t, "udp").WriteTo([]byte("x"), ln.Addr())
			require.NoError(t, err)
			require.Eventually(t, func() bool { return len(ln.Conns()) == 0 }, watchdog, time.Millisecond)
			require.EqualValues(t, 1, rt.Stats().Total().Panics)
		})
	}
}
