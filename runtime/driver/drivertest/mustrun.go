package drivertest

import (
	"errors"
	"testing"

	"github.com/headrace/headrace/ring/probe"
)

// MustRun ends the test if err says that an engine did not start: it is skipped if
// the engine can not run here, and fails if ring/probe says that it can. A broken
// engine is no skip.
func MustRun(t testing.TB, engine string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Fatalf("%s: %v", engine, err)
	}
	r, perr := probe.Run(t.Context(), probe.Options{})
	if perr != nil {
		t.Fatal(perr)
	}
	if d := probe.Decide(r, probe.Want{Engine: engine}); d.Engine != "" {
		t.Fatalf("%s is %s, and did not start: %v", engine, d.Reason, err)
	}
	t.Skip("skip: the engine can not run here: ", err)
}
