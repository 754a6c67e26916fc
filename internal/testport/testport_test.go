package testport

import (
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestUnused: a port is refused, can be taken, and is not given while it is.
func TestUnused(t *testing.T) {
	for range 20 {
		port := Unused(t)
		require.Less(t, port, dynamicBegin())
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		_, err := net.Dial("tcp", address)
		require.Error(t, err)
		for _, taken := range []string{address, ":" + strconv.Itoa(port)} {
			ln, err := net.Listen("tcp", taken)
			require.NoError(t, err)
			require.False(t, free(port), taken)
			require.NoError(t, ln.Close())
			p, err := net.ListenPacket("udp", taken)
			require.NoError(t, err)
			require.False(t, free(port), taken)
			require.NoError(t, p.Close())
		}
		require.True(t, free(port))
	}
}
