package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/headrace/headrace/ring/probe"
)

// page gathers the text, so that there is one write and one error.
type page struct {
	bytes.Buffer
	colour bool
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// Colours of a state.
const (
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	red    = "\x1b[31m"
	bold   = "\x1b[1m"
	reset  = "\x1b[0m"
)

// paint colours a text that is already padded to its width.
func (p *page) paint(colour, text string) string {
	if !p.colour {
		return text
	}
	return colour + text + reset
}

func writeText(w io.Writer, r *probe.Report, d probe.Decision, verbose, colour bool) error {
	p := &page{colour: colour}
	p.verdict(d)
	p.line("")
	p.line("Host      %s", hostText(r.Host))
	p.gates(r)
	p.engines(r)
	if r.Block == nil || verbose { // where nothing could be tried, the list says nothing
		p.features(r, verbose)
	}
	if verbose {
		p.ops(r)
		p.knownBad()
	}
	p.hints(r)
	p.line("")
	if verbose {
		p.line("Took %v", r.Elapsed.Round(10*time.Microsecond))
	} else {
		p.line("More: ringprobe -v    for programs: ringprobe -json")
	}
	_, err := p.WriteTo(w)
	return err
}

func (p *page) verdict(d probe.Decision) {
	tone, reason := yellow, d.Reason
	switch d.Engine {
	case "":
		p.line("%s: the runtime will not start", p.paint(bold+red, reason))
		return
	case probe.EngineIOUring:
		tone = green
		if reason == "usable" {
			reason = "io_uring usable"
		}
	}
	p.line("%s: the runtime will choose %s", p.paint(bold+tone, reason), d.Engine)
}

func hostText(h probe.Host) string {
	parts := []string{strings.Join(strings.Fields(systemName(h.OS)+" "+h.Release+" "+h.Arch), " ")}
	if h.Container != "" {
		parts = append(parts, h.Container)
	}
	if h.UID >= 0 {
		parts = append(parts, fmt.Sprintf("uid %d", h.UID))
	}
	cpus := fmt.Sprintf("%d CPUs", h.CPUs)
	if h.CPUs == 1 {
		cpus = "1 CPU"
	}
	return strings.Join(append(parts, cpus), ", ")
}

func systemName(goos string) string {
	if goos == "linux" {
		return "Linux"
	}
	return goos
}

func (p *page) gates(r *probe.Report) {
	p.line("Gates")
	for _, g := range r.Gates {
		word, colour := string(g.Status), green
		switch g.Status {
		case probe.StatusFail:
			word, colour = "FAIL", red
		case probe.StatusWarn:
			colour = yellow
		case probe.StatusSkipped:
			word, colour = "-", ""
		}
		p.line("  %s  %-8s %s", p.paint(colour, fmt.Sprintf("%-4s", word)), g.ID, joinText(g.Value, g.Detail))
	}
}

// joinText writes value and meaning, either of which may be missing.
func joinText(value, detail string) string {
	switch {
	case value == "":
		return detail
	case detail == "":
		return value
	}
	return value + " (" + detail + ")"
}

func (p *page) engines(r *probe.Report) {
	p.line("Engines")
	for _, e := range r.Engines {
		word, colour := "ready", ""
		switch {
		case e.Chosen:
			word, colour = "chosen", green
		case !e.Ready:
			word, colour = "no", red
		}
		reason := e.Reason
		if reason == "ready" {
			reason = ""
		}
		if reason == "" {
			p.line("  %-9s %s", e.Engine, p.paint(colour, word))
			continue
		}
		p.line("  %-9s %s  %s", e.Engine, p.paint(colour, fmt.Sprintf("%-6s", word)), reason)
	}
}

// hints prints the fixes first: they are what the reader came for.
func (p *page) hints(r *probe.Report) {
	for _, part := range []struct {
		title string
		fix   bool
	}{{"Fix", true}, {"Hints", false}} {
		title := part.title
		for _, h := range r.Hints {
			if h.Fix != part.fix {
				continue
			}
			if title != "" {
				p.line("%s", title)
				title = ""
			}
			p.line("  %-11s %s", h.For, h.Text)
		}
	}
}
