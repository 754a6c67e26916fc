package stdnet_test

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/stdnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watchdog bounds every wait of a test; nothing is decided by it.
const watchdog = 60 * time.Second

var modes = []stdnet.Mode{stdnet.Loop, stdnet.Poller, stdnet.Roam, stdnet.Auto}

// newRuntime starts a runtime that the test closes; a leaked chunk fails it.
func newRuntime(t testing.TB) *runtime.Runtime {
	t.Helper()
	rt, err := runtime.New(&runtime.Config{Loops: 2, IdleTimeout: time.Hour})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.Zero(t, rt.Stats().Total().Panics)
		require.NoError(t, rt.Close())
	})
	return rt
}

// address returns a fresh address to listen on.
func address(t testing.TB, network string) string {
	if network == "unix" {
		return filepath.Join(t.TempDir(), "s")
	}
	return "127.0.0.1:0"
}

func listen(t testing.TB, rt *runtime.Runtime, network string, mode stdnet.Mode) net.Listener {
	t.Helper()
	lc := stdnet.ListenConfig{Runtime: rt, Mode: mode}
	ln, err := lc.Listen(context.Background(), network, address(t, network))
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	return ln
}

// pair returns both ends of a connection: the accepted one and the dialed one.
func pair(t testing.TB, rt *runtime.Runtime, network string, mode stdnet.Mode) (server, client net.Conn) {
	t.Helper()
	ln := listen(t, rt, network, mode)
	d := stdnet.Dialer{Runtime: rt, Mode: mode}
	client, err := d.Dial(network, ln.Addr().String())
	require.NoError(t, err)
	server, err = ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { server.Close(); client.Close() })
	return server, client
}

// accepted is pair with a client of package net.
func accepted(t testing.TB, rt *runtime.Runtime, mode stdnet.Mode) (server, client net.Conn) {
	t.Helper()
	ln := listen(t, rt, "tcp", mode)
	client, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	server, err = ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { server.Close(); client.Close() })
	return server, client
}

// each runs a test on both networks in every mode.
func each(t *testing.T, f func(t *testing.T, network string, mode stdnet.Mode)) {
	for _, network := range []string{"tcp", "unix"} {
		for _, mode := range modes {
			t.Run(network+"/"+mode.String(), func(t *testing.T) { f(t, network, mode) })
		}
	}
}
