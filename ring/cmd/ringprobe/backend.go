package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headrace/headrace/ring/probe"
)

// backendEnv is the environment variable with which the runtime lets itself be told an
// engine, whatever the program asks for (runtime.BackendEnv, which is a layer above).
const backendEnv = "HEADRACE_BACKEND"

const auto = "auto"

// checkBackend refuses what the runtime would.
func checkBackend(name string) error {
	names := append([]string{auto}, engines...)
	if name == "" || slices.Contains(names, name) {
		return nil
	}
	return fmt.Errorf("%s: unknown backend %q (have %s)", backendEnv, name, strings.Join(names, ", "))
}

// decide is the decision for a program that asks for nothing, where the environment names
// the engine backend, or none.
func decide(r *probe.Report, backend string) probe.Decision {
	d := probe.Decide(r, probe.Want{Engine: backend})
	switch {
	case backend == "" || backend == auto:
	case d.Engine == "":
		d.Reason = fmt.Sprintf("%s=%s can not run: %s", backendEnv, backend, d.Reason)
	default:
		d.Reason = backendEnv + "=" + backend
	}
	return d
}

// choose returns the report with the decision's engine as the chosen one.
func choose(r *probe.Report, d probe.Decision) *probe.Report {
	chosen := *r
	chosen.Engines = slices.Clone(r.Engines)
	for i := range chosen.Engines {
		e := &chosen.Engines[i]
		e.Chosen = e.Engine == d.Engine
	}
	return &chosen
}
