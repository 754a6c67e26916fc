package main

import (
	"encoding/json"
	"io"

	"github.com/headrace/headrace/ring/probe"
)

// document is the JSON form: the report's own fields, the decision for a program
// that asks for nothing, in this environment, and what -require found.
type document struct {
	*probe.Report
	Decision probe.Decision   `json:"decision"`
	KnownBad []probe.KnownBad `json:"known_bad"`
	Require  []requirement    `json:"require,omitempty"`
}

func writeJSON(w io.Writer, r *probe.Report, d probe.Decision, checks []requirement) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(document{
		Report:   r,
		Decision: d,
		KnownBad: probe.KnownBadKernels(),
		Require:  checks,
	})
}
