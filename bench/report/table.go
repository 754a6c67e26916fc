package report

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/headrace/headrace/bench/stats"
)

// Text writes the rows for a terminal: medians, spread, and the ratio to the baseline.
func (r *Report) Text(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range r.Rows {
		main := MetricOf(row.Metric)
		fmt.Fprintf(tw, "\n%s %s\t%s\tIQR\t÷ %s\top/s\tp50 µs\tp99 µs\tnote\t\n",
			row.Scenario, row.Name, main.Unit, r.Options.Baseline)
		base := row.Entry(r.Options.Baseline)
		for _, e := range row.Entries {
			s := stats.Summarize(Good(e.Values(main)))
			if s.N == 0 {
				fmt.Fprintf(tw, "%s\t\t\t\t\t\t\t%s\t\n", e.Peer, e.Why())
				continue
			}
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", e.Peer, Text(s.Median), Text(s.Q3-s.Q1),
				ratioText(main, e, base), medianText(e, Throughput), medianText(e, Median), medianText(e, P99), e.Why())
		}
	}
	return tw.Flush()
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

func medianText(e Entry, m Metric) string {
	s := stats.Summarize(Good(e.Values(m)))
	if s.N == 0 {
		return ""
	}
	return Text(s.Median)
}

// Ratio is e's median of per-round quotients with base, and false where there is none.
func Ratio(m Metric, e, base *Entry) (stats.Summary, bool) {
	if e == nil || base == nil {
		return stats.Summary{}, false
	}
	s := stats.Summarize(stats.Ratios(e.Values(m), base.Values(m)))
	return s, s.N > 0
}

func ratioText(m Metric, e Entry, base *Entry) string {
	if s, ok := Ratio(m, &e, base); ok {
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
