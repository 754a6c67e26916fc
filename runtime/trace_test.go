package runtime_test

import (
	"bytes"
	"runtime/trace"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
)

// TestTrace: turns are seen in an execution trace, also when it begins and ends while
// loops run.
func TestTrace(t *testing.T) {
	if trace.IsEnabled() {
		t.Skip("skip: the tests are being traced")
	}
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	addr := listen(t, rt, "tcp", acceptEcho)
	c := dial(t, addr)
	require.NoError(t, pingPongOn(c, "before", 5))
	var out bytes.Buffer
	require.NoError(t, trace.Start(&out))
	err := pingPongOn(c, "traced", 20)
	trace.Stop()
	require.NoError(t, err)
	require.NoError(t, pingPongOn(c, "after", 5))
	require.Contains(t, out.String(), "headrace callbacks")
	require.Contains(t, out.String(), "headrace poll")
}
