package runtime_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

var errBroken = errors.New("broken")

// breaking is an engine that fails when it is told to.
type breaking struct {
	driver.Engine
	broken atomic.Bool
}

func (e *breaking) Poll(wait time.Duration) (int, error) {
	if e.broken.Load() {
		return 0, errBroken
	}
	return e.Engine.Poll(wait)
}

// TestAfterOrClose: the call comes in any case.
func TestAfterOrClose(t *testing.T) {
	ends := map[string]func(rt *runtime.Runtime, e *breaking){
		"close": func(rt *runtime.Runtime, _ *breaking) { _ = rt.Close() },
		"engine fails": func(rt *runtime.Runtime, e *breaking) {
			e.broken.Store(true)
			_ = rt.Loops()[0].Post(func() {}) // which wakes it
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			e := &breaking{}
			rt, err := runtime.New(&runtime.Config{Loops: 1, WrapEngine: func(open driver.Open) driver.Open {
				return func(cfg *driver.Config) (_ driver.Engine, err error) {
					e.Engine, err = open(cfg)
					return e, err
				}
			}})
			require.NoError(t, err)
			defer rt.Close()
			l, called := rt.Loops()[0], make(chan bool, 2)
			require.NoError(t, l.Call(func() {
				l.AfterOrClose(time.Millisecond, func(closed bool) { called <- closed })
			}))
			require.False(t, receive(t, called))
			require.NoError(t, l.Call(func() {
				l.AfterOrClose(time.Hour, func(closed bool) { called <- closed })
			}))
			end(rt, e)
			require.True(t, receive(t, called))
		})
	}
}
