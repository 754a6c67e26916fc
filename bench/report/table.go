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
		fmt.Fprintf(tw, "\n%s\t\t\t\t\t\t\n", row.Key())
		fmt.Fprintf(tw, "peer\tµs/op\tIQR\t÷ %s\top/s\tp50 µs\tp99 µs\tnote\t\n", r.Options.Baseline)
		base := row.Entry(r.Options.Baseline)
		for _, e := range row.Entries {
			if e.Skipped != "" {
				fmt.Fprintf(tw, "%s\t\t\t\t\t\t\tskipped: %s\t\n", e.Peer, e.Skipped)
				continue
			}
			cpu := e.Values(CPUPerOp)
			s := stats.Summarize(Good(cpu))
			if s.N == 0 {
				fmt.Fprintf(tw, "%s\t\t\t\t\t\t\tfailed: %s\t\n", e.Peer, first(e.Failed))
				continue
			}
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", e.Peer, Text(s.Median), Text(s.Q3-s.Q1),
				ratioText(cpu, base), medianText(e, Throughput), medianText(e, Median), medianText(e, P99), e.note())
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

func (e Entry) note() string {
	switch {
	case len(e.Failed) > 0:
		return fmt.Sprintf("%d of %d rounds failed: %s", len(e.Failed), len(e.Rounds), e.Failed[0])
	case e.Bound():
		return "client-bound"
	}
	return ""
}

func medianText(e Entry, m Metric) string {
	return Text(stats.Summarize(Good(e.Values(m))).Median)
}

func ratioText(ours []float64, base *Entry) string {
	if base == nil {
		return ""
	}
	ratios := stats.Ratios(ours, base.Values(CPUPerOp))
	if len(ratios) == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", stats.Summarize(ratios).Median)
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}
