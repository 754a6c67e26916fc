//go:build unix

package portable

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

// TestAttachListenerFile: a listening socket is one whatever its network.
func TestAttachListenerFile(t *testing.T) {
	for _, network := range []string{"tcp", "unix", "unixpacket"} {
		t.Run(network, func(t *testing.T) {
			address := "127.0.0.1:0"
			if network != "tcp" {
				address = filepath.Join(t.TempDir(), "s")
			}
			ln, err := net.Listen(network, address)
			if network == "unixpacket" && err != nil {
				t.Skip("no unixpacket: ", err)
			}
			require.NoError(t, err)
			defer ln.Close()
			f, err := ln.(interface{ File() (*os.File, error) }).File()
			require.NoError(t, err)
			e := open(t)
			s, err := e.Attach(f)
			require.NoError(t, err)
			r := &reader{}
			r.op = driver.Op{Code: driver.Accept, Owner: r, Socket: s}
			e.Submit(&r.op)
			c, err := net.Dial(network, ln.Addr().String())
			require.NoError(t, err)
			defer c.Close()
			until(t, e, func() bool { return e.stats.SocketsOpen == 2 || !r.op.InFlight() })
			require.NoError(t, r.err)
			require.True(t, r.op.InFlight())
		})
	}
}
