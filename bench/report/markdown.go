package report

import (
	"fmt"
	"os"
	"strings"

	"github.com/headrace/headrace/bench/stats"
)

// WriteMarkdown writes the tables as a page for docs/.
func (r *Report) WriteMarkdown(path string) error {
	var b strings.Builder
	b.WriteString("# Results\n\nMade by bench/cmd/report; bench/README.md says how it was measured.\n\n")
	fmt.Fprintf(&b, "Measured %s, %s.\n\n", r.Made.Format("2006-01-02"), r.Machine.Text())
	fmt.Fprintf(&b, "%s\n\n", r.Method())
	r.markdownChecks(&b)
	chapter := ""
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Scenario != chapter {
			chapter = row.Scenario
			fmt.Fprintf(&b, "## %s\n\n", chapter)
		}
		r.markdownRow(&b, row)
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

func (r *Report) markdownRow(b *strings.Builder, row *Row) {
	main := MetricOf(row.Metric)
	fmt.Fprintf(b, "### %s\n\n", row.Name)
	fmt.Fprintf(b, "| server | %s | quartiles | ÷ %s | op/s | p50 µs | p99 µs | |\n",
		main.Unit, r.Options.Baseline)
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|---|\n")
	base := row.Entry(r.Options.Baseline)
	for _, e := range row.Entries {
		s := stats.Summarize(Good(e.Values(main)))
		if s.N == 0 {
			fmt.Fprintf(b, "| %s | | | | | | | %s |\n", e.Peer, strings.ReplaceAll(e.Why(), "|", "/"))
			continue
		}
		fmt.Fprintf(b, "| %s | %s | %s–%s | %s | %s | %s | %s | %s |\n",
			e.Peer, Text(s.Median), Text(s.Q1), Text(s.Q3), ratioText(main, e, base),
			medianText(e, Throughput), medianText(e, Median), medianText(e, P99), strings.ReplaceAll(e.Why(), "|", "/"))
	}
	b.WriteString("\n")
}

// Text is the machine in one line.
func (m Machine) Text() string {
	parts := []string{m.CPU, fmt.Sprintf("%d cores", m.Cores)}
	if m.Virtual != "" {
		parts = append(parts, m.Virtual)
	}
	parts = append(parts, fmt.Sprintf("%.0f GiB", float64(m.Memory)/(1<<30)), m.OS, "Linux "+m.Kernel, m.Go,
		"commit "+m.Commit)
	return strings.Join(parts, ", ")
}

// Method says in two sentences how the numbers came about.
func (r *Report) Method() string {
	return fmt.Sprintf("Each number is the median of %d rounds of %v after %v of warm-up; in a round every "+
		"server runs once, in a process of its own, on its own core, with the load generator on another. "+
		"Ratios are medians of the quotients within each round.",
		r.Options.Rounds, r.Options.Duration, r.Options.Warmup)
}

// Why says what a reader has to know about an entry: that it was skipped, failed, or was not the limit.
func (e Entry) Why() string {
	var notes []string
	switch {
	case e.Skipped != "":
		return "skipped: " + e.Skipped
	case len(e.Failed) == len(e.Rounds) && len(e.Failed) > 0, e.good() == 0:
		return "failed: " + first(e.Failed)
	case len(e.Failed) > 0:
		notes = append(notes, fmt.Sprintf("%d of %d rounds failed: %s", len(e.Failed), len(e.Rounds), e.Failed[0]))
	}
	if e.Bound() {
		notes = append(notes, "client-bound")
	}
	if e.Disturbed() {
		notes = append(notes, "other work on the core")
	}
	return strings.Join(notes, "; ")
}
