//go:build linux

package load

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/bench/measure"
)

func TestBound(t *testing.T) {
	const s = time.Second
	usage := func(cpu time.Duration) measure.Usage { return measure.Usage{CPU: cpu} }
	tests := map[string]struct {
		r    Result
		want bool
	}{
		"both wait":                   {Result{Client: s / 2, ServerBusy: s / 2}, false},
		"the server":                  {Result{Client: s / 2, ServerBusy: s}, false},
		"the generator":               {Result{Client: s, ServerBusy: s / 2}, true},
		"both":                        {Result{Client: s, ServerBusy: s}, false},
		"a late tick":                 {Result{Client: s, ServerBusy: s * 9 / 10, Server: usage(s)}, false},
		"behind the proxy":            {Result{Client: s / 2, ClientBusy: s, ServerBusy: s / 2}, true},
		"one of two threads":          {Result{Client: s, ClientThreads: 2, ClientBusy: s, ServerBusy: s / 2}, false},
		"two threads":                 {Result{Client: 2 * s, ClientThreads: 2, ServerBusy: s, ServerCores: 2}, true},
		"two cores, one of them full": {Result{Client: s, ServerBusy: s, ServerCores: 2}, true},
		"shared, the server's": {Result{Client: s / 2, ClientThreads: 2, ServerBusy: 2 * s, ServerCores: 2, Shared: true,
			Server: usage(3 * s / 2)}, false},
		"shared, the generator's": {Result{Client: 3 * s / 2, ClientThreads: 2, ServerBusy: 2 * s, ServerCores: 2,
			Shared: true, Server: usage(s / 2)}, true},
		"shared, idle": {Result{Client: s / 2, ClientThreads: 2, ServerBusy: s, ServerCores: 2, Shared: true,
			Server: usage(s / 4)}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.r.Elapsed = s
			tt.r.ClientThreads, tt.r.ServerCores = max(tt.r.ClientThreads, 1), max(tt.r.ServerCores, 1)
			require.Equal(t, tt.want, tt.r.bound())
		})
	}
}

func TestSharedCores(t *testing.T) {
	require.False(t, (&Spec{Cores: []int{0}, Own: []int{1}}).shared())
	require.True(t, (&Spec{Cores: []int{0, 1}, Own: []int{1, 2}}).shared())
	require.False(t, (&Spec{}).shared())
}
