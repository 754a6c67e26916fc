package runtime_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// watchdog bounds every wait of a test; nothing is decided by it.
const watchdog = 60 * time.Second

type echo struct{}

func (echo) Data(c *runtime.Conn, in *buffers.Chain) { c.Send(in.TakeAll()) }
func (echo) Closed(*runtime.Conn, error)             {}

// newRuntime starts a runtime that the test closes; a leaked chunk fails it.
func newRuntime(t *testing.T, cfg *runtime.Config) *runtime.Runtime {
	t.Helper()
	if cfg == nil {
		cfg = &runtime.Config{Loops: 2}
	}
	rt, err := runtime.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rt.Close()) })
	return rt
}

func listen(t *testing.T, rt *runtime.Runtime, network string, accept runtime.AcceptFunc) net.Addr {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	ln, err := rt.Listen(context.Background(), network, address, accept)
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	return ln.Addr()
}

func dial(t *testing.T, addr net.Addr) net.Conn {
	t.Helper()
	c, err := net.Dial(addr.Network(), addr.String())
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(watchdog)))
	t.Cleanup(func() { c.Close() })
	return c
}

func TestEcho(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, size := range []int{1, 100, 4 << 10, 64<<10 + 1, 8 << 20} {
			t.Run(fmt.Sprintf("%s/%d", network, size), func(t *testing.T) {
				rt := newRuntime(t, nil)
				addr := listen(t, rt, network, func(*runtime.Conn) runtime.Handler { return echo{} })
				c := dial(t, addr)
				sent := make([]byte, size)
				_, _ = rand.Read(sent)
				go func() {
					_, _ = c.Write(sent)
					_ = c.(interface{ CloseWrite() error }).CloseWrite()
				}()
				got, err := io.ReadAll(c)
				require.NoError(t, err)
				require.True(t, bytes.Equal(sent, got))
			})
		}
	}
}

func TestEchoManyConnections(t *testing.T) {
	const conns, rounds = 200, 20
	rt := newRuntime(t, nil)
	addr := listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler { return echo{} })
	var wg sync.WaitGroup
	errs := make(chan error, conns)
	for i := range conns {
		wg.Go(func() {
			errs <- pingPong(addr, fmt.Sprintf("message of connection %d", i), rounds)
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.EqualValues(t, conns, rt.Stats().Total().Accepted)
}

func pingPong(addr net.Addr, text string, rounds int) error {
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(watchdog)); err != nil {
		return err
	}
	return pingPongOn(c, text, rounds)
}

func pingPongOn(c net.Conn, text string, rounds int) error {
	buf := make([]byte, len(text))
	for range rounds {
		if _, err := c.Write([]byte(text)); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			return err
		}
		if string(buf) != text {
			return fmt.Errorf("got %q, want %q", buf, text)
		}
	}
	return nil
}
