package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/headrace/headrace/bench/stats"
)

// column is one column of a row's table, beside the server's name and what there is to know about it.
type column struct {
	head  string
	brief bool // it is in the terminal's table too
	text  func(e *Entry) string
}

// columns are those of the row in which a server has something.
func (r *Report) columns(row *Row) []column {
	m, base := MetricOf(row.Metric), row.Entry(r.Options.Baseline)
	median := func(m Metric) func(*Entry) string {
		return func(e *Entry) string { return medianText(e, m) }
	}
	all := []column{
		{m.Unit, true, median(m)},
		{"quartiles", true, func(e *Entry) string { return quartiles(e, m) }},
		{"÷ " + r.Options.Baseline, true, func(e *Entry) string { return ratioText(m, e, base) }},
		{"op/s", true, median(Throughput)},
		{"p50 µs", true, median(Median)},
		{"p99 µs", true, median(P99)},
		{"sent late, p99 µs", true, median(Late)},
		{"allocs/op", true, median(Mallocs)},
		{"enters/op", true, median(Enters)},
		{"waits/op", false, median(Voluntary)},
		{"yields/op", false, median(Involuntary)},
		{"RSS MiB", false, median(Resident)},
		{"server's cores %", false, median(ServerBusy)},
		{"loop threads %", false, median(LoopShare)},
		{"kernel workers %", false, median(WorkerShare)},
		{"generator %", false, median(ClientBusy)},
	}
	return slices.DeleteFunc(all, func(c column) bool {
		return !slices.ContainsFunc(row.Entries, func(e Entry) bool { return c.text(&e) != "" })
	})
}

// columnsText says what the heads of the columns mean, for the pages.
const columnsText = "Columns: quartiles of the first; ÷, the median of the quotients with that server within each " +
	"round; allocs, objects allocated by Go, and enters, calls of io_uring_enter or epoll_wait, both since the server " +
	"began to listen and where it tells; waits and yields, voluntary and other context switches; RSS at the end; " +
	"server's cores, how busy they were with anything; loop threads, the busiest as many threads as the server has " +
	"loops, and kernel workers, io_uring's own, as parts of the server's CPU time; generator, how busy its threads were."

// Text writes the rows for a terminal: medians, spread, and the ratio to the baseline.
func (r *Report) Text(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for i := range r.Rows {
		row := &r.Rows[i]
		columns := slices.DeleteFunc(r.columns(row), func(c column) bool { return !c.brief })
		fmt.Fprintf(tw, "\n%s %s\t", row.Scenario, row.Name)
		for _, c := range columns {
			fmt.Fprintf(tw, "%s\t", c.head)
		}
		fmt.Fprint(tw, "note\t\n")
		for k := range row.Entries {
			e := &row.Entries[k]
			fmt.Fprintf(tw, "%s\t", e.Peer)
			for _, c := range columns {
				fmt.Fprintf(tw, "%s\t", c.text(e))
			}
			fmt.Fprintf(tw, "%s\t\n", e.Why())
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for i := range r.Rows {
		for _, text := range r.Rows[i].remarks() {
			fmt.Fprintf(w, "\n%s %s: %s\n", r.Rows[i].Scenario, r.Rows[i].Name, text)
		}
	}
	return nil
}

// markdown writes the row's table.
func (r *Report) markdown(b *strings.Builder, row *Row) {
	columns := r.columns(row)
	b.WriteString("| server |")
	for _, c := range columns {
		fmt.Fprintf(b, " %s |", c.head)
	}
	fmt.Fprintf(b, " |\n|---|%s---|\n", strings.Repeat("---:|", len(columns)))
	for i := range row.Entries {
		e := &row.Entries[i]
		fmt.Fprintf(b, "| %s |", e.Peer)
		for _, c := range columns {
			fmt.Fprintf(b, " %s |", c.text(e))
		}
		fmt.Fprintf(b, " %s |\n", strings.ReplaceAll(e.Why(), "|", "/"))
	}
	b.WriteString("\n")
}

// Entry finds a peer's entry, nil when the row has none.
func (r *Row) Entry(peer string) *Entry {
	for i := range r.Entries {
		if r.Entries[i].Peer == peer {
			return &r.Entries[i]
		}
	}
	return nil
}

func medianText(e *Entry, m Metric) string {
	s := stats.Summarize(Good(e.Values(m)))
	if s.N == 0 {
		return ""
	}
	return Text(s.Median)
}

func quartiles(e *Entry, m Metric) string {
	s := stats.Summarize(Good(e.Values(m)))
	if s.N == 0 {
		return ""
	}
	return Text(s.Q1) + "–" + Text(s.Q3)
}

// Ratio is e's median of per-round quotients with base, and false where there is none.
func Ratio(m Metric, e, base *Entry) (stats.Summary, bool) {
	if e == nil || base == nil {
		return stats.Summary{}, false
	}
	s := stats.Summarize(stats.Ratios(e.Values(m), base.Values(m)))
	return s, s.N > 0
}

func ratioText(m Metric, e, base *Entry) string {
	if s, ok := Ratio(m, e, base); ok {
		return fmt.Sprintf("%.2f", s.Median)
	}
	return ""
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}
