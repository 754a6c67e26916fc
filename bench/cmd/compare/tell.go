//go:build linux

package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/headrace/headrace/bench/report"
	"github.com/headrace/headrace/bench/stats"
)

const confidence = 0.95

// tell prints the table and returns an error when a row got worse.
func tell(w io.Writer, rows []report.Row, o *options) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "row\tserver\t%s\tnow\tnow ÷ %s\t%.0f %% interval\t\n", o.ref, o.ref, confidence*100)
	worse := 0
	for i := range rows {
		row := &rows[i]
		for _, e := range row.Entries {
			if old := row.Entry(e.Peer + oldSuffix); old != nil && line(tw, row, &e, old, o.tolerance) {
				worse++
			}
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if worse > 0 {
		return fmt.Errorf("%d rows got worse by more than %.0f %%, or fail now", worse, o.tolerance*100)
	}
	return nil
}

// fails says why rounds failed now, where none did before, or that there is no server any more.
func fails(now, old *report.Entry) string {
	if now.Skipped != "" && old.Skipped == "" || len(now.Failed) > 0 && len(old.Failed) == 0 {
		return now.Why()
	}
	return ""
}

// line prints one comparison and tells whether it is for the worse.
func line(w io.Writer, row *report.Row, now, old *report.Entry, tolerance float64) bool {
	m := report.MetricOf(row.Metric)
	ratios := stats.Ratios(now.Values(m), old.Values(m))
	if len(ratios) == 0 {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\t\t\n", row.Key(), now.Peer, old.Why(), now.Why())
		return fails(now, old) != ""
	}
	median := func(e *report.Entry) string {
		return report.Text(stats.Summarize(report.Good(e.Values(m))).Median) + " " + m.Unit
	}
	ratio, ci := stats.Summarize(ratios).Median, stats.MedianInterval(ratios, confidence)
	verdict, worse := judge(ci, m.More, tolerance)
	if why := fails(now, old); why != "" {
		verdict, worse = verdict+", fails: "+why, true
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.3f\t%.3f–%.3f\t%s\n",
		row.Key(), now.Peer, median(old), median(now), ratio, ci.Low, ci.High, verdict)
	return worse
}

// judge says what an interval of quotients means; more is true where larger is better.
func judge(ci stats.Interval, more bool, tolerance float64) (verdict string, worse bool) {
	low, high := ci.Low, ci.High
	if more {
		low, high = 1/ci.High, 1/ci.Low
	}
	switch {
	case !ci.OK:
		return "too few rounds", false
	case high < 1:
		return "better", false
	case low > 1:
		return "worse", low > 1+tolerance
	}
	return "~", false
}
