package runtime_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
)

// BenchmarkTimerReset moves one of 10,000 timers, to times that spread over a second.
func BenchmarkTimerReset(b *testing.B) {
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(b, err)
	defer rt.Close()
	done := make(chan struct{})
	require.NoError(b, rt.Loops()[0].Post(func() {
		defer close(done)
		timers := make([]*runtime.Timer, 10_000)
		for i := range timers {
			timers[i] = rt.Loops()[0].AfterFunc(time.Hour+time.Duration(i)*100*time.Microsecond, func() {})
		}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i++
			timers[i*7919%len(timers)].Reset(time.Hour + time.Duration(i*104729%1000)*time.Millisecond)
		}
		for _, t := range timers {
			t.Stop()
		}
	}))
	<-done
}
