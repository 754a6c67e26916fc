package stdnet_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver/drivertest"
	"github.com/headrace/headrace/runtime/driver/faults"
	"github.com/headrace/headrace/runtime/stdnet"
)

// TestConnUnderFaults: connections keep net.Conn's promises over an engine that does
// whatever it may at any time.
func TestConnUnderFaults(t *testing.T) {
	for _, b := range []runtime.Backend{runtime.IOUring, runtime.Epoll, runtime.Portable} {
		for _, mode := range []stdnet.Mode{stdnet.Loop, stdnet.Auto} {
			t.Run(b.String()+"/"+mode.String(), func(t *testing.T) {
				seed := faults.Seed(t.Logf)
				nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
					cfg := faults.Contract(seed)
					cfg.Fail = func(err error) { t.Error(err) }
					rt, err := runtime.New(&runtime.Config{
						Loops: 2, Backend: b,
						WrapEngine: cfg.WrapEngine,
					})
					drivertest.MustRun(t, b.String(), err)
					c2, c1 = pair(t, rt, "tcp", mode)
					return c1, c2, func() {
						c1.Close()
						c2.Close()
						require.NoError(t, rt.Close())
					}, nil
				})
			})
		}
	}
}
