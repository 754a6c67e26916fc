package portable

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestListenNowhere: a nil address of any type is none.
func TestListenNowhere(t *testing.T) {
	e := open(t)
	for network, addrs := range map[string][]net.Addr{
		"tcp":  {nil, (*net.TCPAddr)(nil)},
		"udp4": {nil, (*net.UDPAddr)(nil)},
	} {
		for _, addr := range addrs {
			s, err := e.Listen(network, addr, nil)
			require.NoError(t, err, "%s, %T", network, addr)
			require.NotNil(t, e.LocalAddr(s))
		}
	}
}
