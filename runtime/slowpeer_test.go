package runtime_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

// asked is an engine whose sockets hold what the test says.
type asked struct {
	driver.Engine
	unsent func() driver.Unsent
}

func (e *asked) Unsent(driver.Socket) (driver.Unsent, error) { return e.unsent(), nil }

// TestPeerThatTakesBytesIsNotSlow: the kernel completes a send late, when much of its
// own queue has gone; as long as that queue moves, or is filled up as quickly as the peer
// takes from it, or is empty since the disk or the memory is what is missing, no time-out
// for the peer ends the connection.
func TestPeerThatTakesBytesIsNotSlow(t *testing.T) {
	const looks, short = 100, 20 * time.Millisecond
	big := make([]byte, 64<<20) // more than the system holds
	send := func(c *runtime.Conn) {
		var chain buffers.Chain
		chain.Append(buffers.Wrap(big, nil))
		_ = c.Send(chain)
	}
	queues := map[string]func(look int64) driver.Unsent{
		"moves":  func(look int64) driver.Unsent { return driver.Unsent{Bytes: 1<<20 - int(min(look, looks))} },
		"filled": func(look int64) driver.Unsent { return driver.Unsent{Bytes: 1 << 20, Acked: uint64(min(look, looks))} },
		"empty":  func(look int64) driver.Unsent { return driver.Unsent{Bytes: int(min(max(0, look-looks), 1))} },
	}
	clocks := map[string]struct {
		cfg  runtime.Config
		send func(c *runtime.Conn)
		want error
	}{
		"write": {runtime.Config{WriteTimeout: short}, send, runtime.ErrSlowPeer},
		"idle":  {runtime.Config{IdleTimeout: short}, send, runtime.ErrIdle},
		"close": {runtime.Config{LingerTimeout: short}, func(c *runtime.Conn) { send(c); c.Close() }, runtime.ErrSlowPeer},
	}
	for name, clock := range clocks {
		for state, queue := range queues {
			t.Run(name+"/"+state, func(t *testing.T) {
				var n atomic.Int64
				cfg := clock.cfg
				cfg.Loops = 1
				cfg.WrapEngine = func(open driver.Open) driver.Open {
					return func(dc *driver.Config) (driver.Engine, error) {
						e, err := open(dc)
						return &asked{e, func() driver.Unsent { return queue(n.Add(1)) }}, err
					}
				}
				addr, ended := serveFuncs(t, newRuntime(t, &cfg), funcs{open: clock.send})
				dial(t, addr) // and reads nothing
				require.ErrorIs(t, receive(t, ended), clock.want)
				require.Greater(t, n.Load(), int64(looks))
			})
		}
	}
}
