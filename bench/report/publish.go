package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/headrace/headrace/bench/scenario"
)

// figureRow is the row that the figure for the project's front page shows, and figurePeers whom.
const figureRow = "echo/64 B × 100"

var figurePeers = []string{"floor-liburing", "headrace", "headrace-fiber", "headrace-stdnet", "headrace-epoll", "std",
	"gnet", "netpoll", "nbio", "evio", "gaio"}

// figureStyle is the page's, for a figure that stands alone on paper of its own.
const figureStyle = `<style>text{font:13px system-ui,"DejaVu Sans",sans-serif;dominant-baseline:central;fill:#1c2733}` +
	`.label{text-anchor:end}.label.ours{font-weight:700;fill:#0b5c9c}.note,.none{fill:#5d6b78;font-size:11px}` +
	`rect.ours{fill:#4596d6}rect.peer{fill:#b7c2cb}rect.floor{fill:#d3b878}.axis{stroke:#d5dce2}` +
	`.spread{stroke:#1c2733;fill:none;stroke-width:1.4}.cut{stroke:#fff;stroke-width:3;fill:none}</style>` +
	`<rect width="100%" height="100%" fill="#fff"/>`

// Data is the name of the JSON that Publish keeps, packed, beside the pages that are made of it.
const Data = "results.json.gz"

// Publish writes what the project's documentation shows: results.md, results.html, where the run has the
// row for it echo.svg, and the numbers that all of them can be made of again.
func (r *Report) Publish(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := r.Save(filepath.Join(dir, Data)); err != nil {
		return err
	}
	if err := r.WriteMarkdown(filepath.Join(dir, "results.md")); err != nil {
		return err
	}
	if err := r.WriteHTML(filepath.Join(dir, "results.html")); err != nil {
		return err
	}
	for i := range r.Rows {
		if r.Rows[i].Key() == figureRow {
			return os.WriteFile(filepath.Join(dir, "echo.svg"), []byte(r.figure(&r.Rows[i])), 0o644)
		}
	}
	return nil
}

// figure is the row's plot as a file of its own.
func (r *Report) figure(row *Row) string {
	few := Row{Row: row.Row}
	for _, name := range figurePeers {
		if e := row.Entry(name); e != nil && e.good() > 0 {
			few.Entries = append(few.Entries, *e)
		}
	}
	svg := string(r.pageRow(&few).Plot)
	svg = strings.Replace(svg, "<svg ", `<svg xmlns="http://www.w3.org/2000/svg" `, 1)
	open := strings.Index(svg, ">") + 1
	return svg[:open] + figureStyle + svg[open:] + "\n"
}

// markdownChecks is the table of the targets.
func (r *Report) markdownChecks(b *strings.Builder) {
	checks := r.Checks(scenario.Targets())
	if len(checks) == 0 {
		return
	}
	b.WriteString("## Targets\n\nWhat the project set out to reach, ours divided by theirs.\n\n")
	b.WriteString("| target | server | row | against | wanted | found | quartiles | |\n|---|---|---|---|---:|---:|---:|---|\n")
	for _, c := range checks {
		met := "met"
		if !c.Met {
			met = "**missed**"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %.2f–%.2f | %s |\n", c.Text, c.Ours, c.Row, c.Against,
			c.Wanted(), c.FoundText(), c.Found.Q1, c.Found.Q3, met)
	}
	b.WriteString("\n")
}
