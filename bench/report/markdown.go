package report

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// WriteMarkdown writes the tables as a page for docs/.
func (r *Report) WriteMarkdown(path string) error {
	var b strings.Builder
	b.WriteString("# Results\n\nMade by bench/cmd/report; bench/README.md says how it was measured.\n\n")
	fmt.Fprintf(&b, "Measured %s, on %s.\n\n", r.When(), r.Machine.Text())
	fmt.Fprintf(&b, "%s\n\n", r.Method())
	if !r.Finished {
		b.WriteString("This run was cut short.\n\n")
	}
	r.markdownChecks(&b)
	chapter := ""
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Scenario != chapter {
			chapter = row.Scenario
			fmt.Fprintf(&b, "## %s\n\n%s\n\n", chapter, chapterText[chapter])
		}
		r.markdownRow(&b, row)
	}
	r.markdownPeers(&b)
	fmt.Fprintf(&b, "\n%s\n", columnsText)
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// When says when it was measured and for how long.
func (r *Report) When() string {
	when := r.Made.Format("2 January 2006")
	if took := r.Took.Round(time.Second); took > 0 {
		when += fmt.Sprintf(", in %v", took)
	}
	return when
}

func (r *Report) markdownRow(b *strings.Builder, row *Row) {
	fmt.Fprintf(b, "### %s\n\n", row.Name)
	for _, text := range row.remarks() {
		fmt.Fprintf(b, "%s\n\n", text)
	}
	r.markdown(b, row)
}

// markdownPeers is the table of the servers.
func (r *Report) markdownPeers(b *strings.Builder) {
	b.WriteString("## Servers\n\n| name | what | version |\n|---|---|---|\n")
	for _, p := range r.Peers {
		fmt.Fprintf(b, "| %s | %s | %s |\n", p.Name, strings.ReplaceAll(p.About, "|", "/"), p.Version)
	}
}

// Text is the machine in one line.
func (m Machine) Text() string {
	parts := []string{m.CPU, fmt.Sprintf("%d cores", m.Cores)}
	if m.Virtual != "" {
		parts = append(parts, m.Virtual)
	}
	parts = append(parts, fmt.Sprintf("%.0f GiB", float64(m.Memory)/(1<<30)), m.OS, "Linux "+m.Kernel)
	if m.TCP != "" {
		parts = append(parts, "TCP "+m.TCP)
	}
	parts = append(parts, m.Go, "commit "+m.Commit)
	return strings.Join(parts, ", ")
}

// Method says in two sentences how the numbers came about.
func (r *Report) Method() string {
	rounds := fmt.Sprintf("%d rounds of %v after %v of warm-up", r.Options.Rounds, r.Options.Duration, r.Options.Warmup)
	if r.Options.Several {
		rounds = "several rounds, which differ in number and length from run to run"
	}
	return fmt.Sprintf("Each number is the median of %s; in a round every "+
		"server runs once, in a process of its own, on its own core, with the load generator on another. "+
		"Ratios are medians of the quotients within each round.", rounds)
}
