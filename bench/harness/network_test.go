//go:build linux

package harness

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNetwork: a server in it is there for who is in it, with the TCP that was asked for, and for
// nobody else.
func TestNetwork(t *testing.T) {
	n, err := NewNetwork("reno")
	skipWhereForbidden(t, err)
	require.NoError(t, err)
	require.Equal(t, "reno", n.Congestion())
	own := (*Network)(nil).Congestion()
	require.NotEmpty(t, own)
	in := seat(t)
	in.Net = n
	s, err := Start(t.Context(), kind("silent", "{addr}"), Params{}, in)
	require.NoError(t, err)
	require.True(t, n.answers(s.Addr))
	require.False(t, dials(s.Addr))
	require.Error(t, s.Stop(), "it ends by a signal")
	require.False(t, n.answers(s.Addr))
	require.NoError(t, n.Close())
	require.Equal(t, own, (*Network)(nil).Congestion(), "the machine's is as it was")
}

// skipWhereForbidden skips in containers.
func skipWhereForbidden(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS) {
		t.Skip("not allowed:", err)
	}
}

func TestNetworkWithoutSuchATCP(t *testing.T) {
	_, err := NewNetwork("none-such")
	skipWhereForbidden(t, err)
	require.ErrorIs(t, err, os.ErrNotExist)
}
