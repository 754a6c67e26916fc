package main

import (
	"fmt"
	"strings"

	"github.com/headrace/headrace/ring/probe"
)

// stateText is a feature's state in one cell: a no with its errno, a yes that is
// not used with the reason.
func stateText(f probe.Feature) string {
	switch {
	case f.State == probe.Yes && f.Off != "":
		return "off: " + f.Off
	case f.State == probe.Yes:
		return "yes"
	case f.Errno != 0:
		return f.State.String() + " (" + f.Errno.String() + ")"
	}
	return f.State.String()
}

func stateColour(f probe.Feature) string {
	switch {
	case f.Usable():
		return green
	case f.State == probe.No && f.Required:
		return red
	}
	return yellow
}

func (p *page) features(r *probe.Report, verbose bool) {
	if r.Host.OS != "linux" {
		return
	}
	p.line("%-38s %-14s %-6s %s", "Features", "state", "since", "used for")
	for _, f := range r.Features {
		mark := " "
		if f.Required {
			mark = "*"
		}
		state, off := stateText(f), ""
		if f.Off != "" && f.State == probe.Yes {
			state, off = "off", f.Off
		}
		state = p.paint(stateColour(f), fmt.Sprintf("%-14s", state))
		p.line(" %s%-36s %s %-6s %s", mark, f.Name, state, f.Since, f.Use)
		if off != "" {
			p.line("  %-36s %s, %s", "", off, f.OffLink)
		}
		if verbose {
			p.line("  %-36s %s", "", featureSource(f))
		}
	}
	p.line("  * required")
}

// featureSource tells the id, how the state was found out, and where the first
// kernel is from.
func featureSource(f probe.Feature) string {
	parts := []string{f.ID}
	if f.How != "" {
		parts = append(parts, "by "+string(f.How))
	}
	if f.Note != "" {
		parts = append(parts, f.Note)
	}
	return strings.Join(append(parts, f.Source), ", ")
}

func (p *page) ops(r *probe.Report) {
	if len(r.Ops) == 0 {
		return
	}
	p.line("%-38s %-14s %s", "Operations", "state", "since")
	for _, op := range r.Ops {
		p.line("  %2d %-33s %-14s %s", op.Code, op.Name, op.State, op.Since)
	}
}

func (p *page) knownBad() {
	p.line("Known bad kernels")
	for _, k := range probe.KnownBadKernels() {
		p.line("  %-16s from %-5s until %-6s %s, %s", k.Feature, k.From, k.Until, k.Reason, k.Link)
	}
}
