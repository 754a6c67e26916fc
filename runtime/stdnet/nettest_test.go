package stdnet_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/stdnet"
)

func TestConn(t *testing.T) {
	each(t, func(t *testing.T, network string, mode stdnet.Mode) {
		nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
			rt, err := runtime.New(&runtime.Config{Loops: 2})
			require.NoError(t, err)
			c2, c1 = pair(t, rt, network, mode)
			return c1, c2, func() {
				c1.Close()
				c2.Close()
				require.NoError(t, rt.Close())
			}, nil
		})
	})
}
