package report

import (
	_ "embed" // for the page
	"fmt"
	"html/template"
	"os"
	"slices"
	"strings"

	"github.com/headrace/headrace/bench/scenario"
	"github.com/headrace/headrace/bench/stats"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// chapterText says what each scenario is, for a reader who has not seen the code.
var chapterText = map[string]string{
	"echo": "Closed loop: every connection sends a message, waits for all of it to come back, and " +
		"sends the next.",
	"pipeline": "As echo, with 32 messages sent at once on each connection.",
	"latency": "Open loop: messages are sent at a fixed rate whatever the server does, and latency counts " +
		"from the moment a message was due.",
	"hello":  "HTTP/1.1 GET over kept connections, answered with 14 bytes.",
	"static": "HTTP/1.1 GET of a file in the page cache, over kept connections; the content is checked.",
	"proxy":  "Echo through a TCP proxy. The echo server behind it runs on the load generator's core.",
	"upload": "HTTP/1.1 PUT, each connection over and over into its own file.",
	"churn":  "Connect, one message, its answer, close.",
	"slow":   "Downloads to peers that read at 1 Mbit/s each. What counts is the CPU for each gigabit.",
	"idle": "Connections that said one message and then nothing. What counts is the server's resident " +
		"memory; what the kernel keeps for a socket is not in it.",
	"loops": "Throughput with one event loop on one core, then two on two. With fewer than four cores " +
		"the generator shares them.",
}

type pageChapter struct {
	Name, Text string
	Rows       []pageRow
}

type pageRow struct {
	Name, Unit, Baseline string
	Plot                 template.HTML
	Lines                []pageLine
}

type pageLine struct {
	Peer, Class                                          string
	Main, Spread, Ratio, Ops, P50, P99, Switches, Memory string
	Why, Mark                                            string
}

// WriteHTML writes the report as one page that needs nothing else: no script, no network.
func (r *Report) WriteHTML(path string) error {
	var chapters []pageChapter
	for i := range r.Rows {
		row := &r.Rows[i]
		if len(chapters) == 0 || chapters[len(chapters)-1].Name != row.Scenario {
			chapters = append(chapters, pageChapter{Name: row.Scenario, Text: chapterText[row.Scenario]})
		}
		c := &chapters[len(chapters)-1]
		c.Rows = append(c.Rows, r.pageRow(row))
	}
	var b strings.Builder
	err := page.Execute(&b, map[string]any{
		"Report": r, "Machine": r.Machine.Text(), "Method": r.Method(), "Chapters": chapters,
		"Checks": r.Checks(scenario.Targets()),
	})
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

func (r *Report) pageRow(row *Row) pageRow {
	m := MetricOf(row.Metric)
	out := pageRow{Name: row.Name, Unit: m.Name + ", " + m.Unit, Baseline: r.Options.Baseline}
	base := row.Entry(r.Options.Baseline)
	var bars []Bar
	for _, e := range row.Entries {
		s := stats.Summarize(Good(e.Values(m)))
		bar := Bar{Label: e.Peer, Class: r.class(e.Peer), Value: s, Note: e.Why()}
		line := pageLine{Peer: e.Peer, Class: bar.Class, Why: e.Why(), Mark: mark(e.Why())}
		if s.N > 0 {
			line.Main, line.Spread = Text(s.Median), Text(s.Q1)+"–"+Text(s.Q3)
			line.Ratio, line.Ops = ratioText(m, e, base), medianText(e, Throughput)
			line.P50, line.P99 = medianText(e, Median), medianText(e, P99)
			line.Switches, line.Memory = medianText(e, Switches), medianText(e, Resident)
		}
		bars, out.Lines = append(bars, bar), append(out.Lines, line)
	}
	slices.SortStableFunc(bars, byValue(m))
	out.Plot = template.HTML(Plot(bars)) // it escapes what it is given
	return out
}

// byValue sorts the best first, and what has no value last.
func byValue(m Metric) func(a, b Bar) int {
	return func(a, b Bar) int {
		switch {
		case a.Value.N == 0 || b.Value.N == 0:
			return min(b.Value.N, 1) - min(a.Value.N, 1)
		case (a.Value.Median < b.Value.Median) != m.More:
			return -1
		}
		return 1
	}
}

func (r *Report) class(peer string) string {
	if strings.HasPrefix(peer, "floor-") {
		return "floor"
	}
	for _, p := range r.Peers {
		if p.Name == peer && p.Ours {
			return "ours"
		}
	}
	return "peer"
}
