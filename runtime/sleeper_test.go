package runtime_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
)

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
			rt, e := newBreaking(t, runtime.Config{})
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
