package runtime_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

// keeper is an engine that lets nothing go.
type keeper struct{ driver.Engine }

var errKept = errors.New("kept")

func (keeper) Detach(driver.Socket) (driver.Detached, error) { return nil, errKept }

func keepers(open driver.Open) driver.Open {
	return func(cfg *driver.Config) (driver.Engine, error) {
		e, err := open(cfg)
		return keeper{e}, err
	}
}

// TestDetachFails: the connection goes on as it was; reading does not if the program
// had paused it, or does so meanwhile.
func TestDetachFails(t *testing.T) {
	for name, test := range map[string]struct {
		before, after, done func(c *runtime.Conn)
		paused              bool
	}{
		"reading":               {},
		"paused":                {before: (*runtime.Conn).Pause, paused: true},
		"paused after":          {after: (*runtime.Conn).Pause, paused: true},
		"paused in end":         {done: (*runtime.Conn).Pause, paused: true},
		"canceled":              {after: (*runtime.Conn).CancelDetach},
		"paused, then canceled": {before: (*runtime.Conn).Pause, after: (*runtime.Conn).CancelDetach, paused: true},
		"resumed":               {before: (*runtime.Conn).Pause, after: (*runtime.Conn).Resume},
	} {
		t.Run(name, func(t *testing.T) {
			rt := newRuntime(t, &runtime.Config{Loops: 1, WrapEngine: keepers})
			call := func(f func(c *runtime.Conn), c *runtime.Conn) {
				if f != nil {
					f(c)
				}
			}
			failed, got := make(chan error, 2), make(chan *runtime.Conn, 1)
			addr, _ := serveFuncs(t, rt, funcs{data: func(c *runtime.Conn, in *buffers.Chain) {
				if in.Len() == 1 { // receiving: a Detach takes a turn
					in.Release()
					call(test.before, c)
					c.Detach(func(_ driver.Detached, _ buffers.Chain, err error) {
						call(test.done, c)
						failed <- err
					})
					call(test.after, c)
					return
				}
				in.Release()
				got <- c
			}})
			c := dial(t, addr)
			_, err := c.Write([]byte("x"))
			require.NoError(t, err)
			require.Error(t, receive(t, failed))
			_, err = c.Write([]byte("more"))
			require.NoError(t, err)
			if !test.paused {
				receive(t, got)
				return
			}
			require.NoError(t, rt.Loops()[0].Call(func() {}))
			require.NoError(t, c.Close()) // which a connection that reads would see
			for range 20 {
				require.NoError(t, rt.Loops()[0].Call(func() {}))
			}
			require.Equal(t, 1, rt.Stats().Total().Conns)
			require.Empty(t, got)
			require.Empty(t, failed, "once")
		})
	}
}
