package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/headrace/headrace/examples/internal/app"
)

// stalled tells whose callbacks held a loop for longer than most.
func (r *record) stalled(most time.Duration) (failed error) {
	for _, s := range r.fleet.all {
		for i := range s.stalls {
			if st := &s.stalls[i]; st.Callbacks() > most {
				failed = errors.Join(failed, fmt.Errorf("%s: callbacks held loop %d for %s:\n%s",
					s.name, st.Loop, parts(st), st.Stack))
			}
		}
	}
	return failed
}

// longest shows the worst stall of each server that had one.
func (r *record) longest() string {
	var b strings.Builder
	for _, s := range r.fleet.all {
		if len(s.stalls) > 0 {
			fmt.Fprintf(&b, "%s: longest in callbacks: %s\n", s.name, parts(&s.stalls[0]))
		}
	}
	return b.String()
}

// parts says of what a stall consists.
func parts(s *app.Stall) string {
	const unit = 100 * time.Microsecond
	return fmt.Sprintf("%v, in a turn of %v, of which %v without a CPU and %v of GC",
		s.Callbacks().Round(unit), s.Held.Round(unit), s.Waited.Round(unit), s.GC.Round(unit))
}
