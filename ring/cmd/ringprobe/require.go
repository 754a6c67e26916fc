package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/headrace/headrace/ring/probe"
)

// requirement is one name of -require and what became of it.
type requirement struct {
	Name   string `json:"name"`
	Met    bool   `json:"met"`
	Reason string `json:"reason,omitempty"`
}

var engines = []string{probe.EngineIOUring, probe.EngineEpoll, probe.EnginePortable}

func known(name string) bool {
	if slices.Contains(engines, name) {
		return true
	}
	for _, f := range probe.Catalogue() {
		if name == f.ID {
			return true
		}
	}
	return false
}

// check asks for each engine by name, and for each feature that the runtime would
// use it.
func (c command) check(r *probe.Report, d probe.Decision, names []string) []requirement {
	var checks []requirement
	for _, name := range names {
		checks = append(checks, c.checkOne(r, d, name))
	}
	return checks
}

func (c command) checkOne(r *probe.Report, d probe.Decision, name string) requirement {
	if slices.Contains(engines, name) {
		if c.backend == "" || c.backend == auto { // a program may name it
			d = probe.Decide(r, probe.Want{Engine: name})
		}
		if d.Engine != name {
			return requirement{Name: name, Reason: d.Reason}
		}
		return requirement{Name: name, Met: true}
	}
	if d.Has(name) {
		return requirement{Name: name, Met: true}
	}
	if d.Engine != probe.EngineIOUring {
		return requirement{Name: name, Reason: d.Reason}
	}
	f, _ := r.Feature(name)
	return requirement{Name: name, Reason: stateText(f)}
}

func writeChecks(w io.Writer, checks []requirement) error {
	for _, k := range checks {
		line := k.Name + ": met"
		if !k.Met {
			line = k.Name + ": not met: " + k.Reason
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
