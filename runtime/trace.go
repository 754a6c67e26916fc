package runtime

import (
	"context"
	"runtime/trace"
)

// The regions of a loop in an execution trace (runtime/trace, go tool trace): one for
// the callbacks of each turn and one for its Poll.
const (
	traceCallbacks = "headrace callbacks"
	tracePoll      = "headrace poll"
)

// region begins a region on the loop's goroutine, or returns nil: without a trace it
// costs the look at a flag.
func region(name string) *trace.Region {
	if !trace.IsEnabled() {
		return nil
	}
	return trace.StartRegion(context.Background(), name)
}

// endRegion ends what region began.
func endRegion(r *trace.Region) {
	if r != nil {
		r.End()
	}
}
