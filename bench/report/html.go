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
	"hello": "HTTP/1.1 GET over kept connections, answered with 14 bytes.",
	"https": "HTTP/1.1 GET of a file over TLS 1.3, over kept connections and with a handshake for each request; the " +
		"content is checked.",
	"static": "HTTP/1.1 GET of a file in the page cache, over kept connections; the content is checked.",
	"proxy":  "Echo through a TCP proxy. The echo server behind it runs on the load generator's core.",
	"upload": "HTTP/1.1 PUT, each connection over and over into its own file.",
	"churn":  "Connect, one message, its answer, close.",
	"udp":    "Datagrams there and back, 16 under way on each of 32 sockets.",
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
	Name, Unit string
	Remarks    []string
	Plot       template.HTML
	Heads      []string
	Lines      []pageLine
}

type pageLine struct {
	Peer, Class, Why string
	Cells            []string // none where there is no value
	Span             int      // of Why then
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
		"Report": r, "Machine": r.Machine.Text(), "Method": r.Method(), "Columns": columnsText, "Chapters": chapters,
		"Checks": r.Checks(scenario.Targets()),
	})
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

func (r *Report) pageRow(row *Row) pageRow {
	m := MetricOf(row.Metric)
	out := pageRow{Name: row.Name, Unit: m.Name + ", " + m.Unit, Remarks: row.remarks()}
	columns := r.columns(row)
	for _, c := range columns {
		out.Heads = append(out.Heads, c.head)
	}
	var bars []Bar
	for i := range row.Entries {
		e := &row.Entries[i]
		bar := Bar{Label: e.Peer, Class: r.class(e.Peer), Value: stats.Summarize(Good(e.Values(m))), Note: e.Why()}
		line := pageLine{Peer: e.Peer, Class: bar.Class, Why: e.Why(), Span: len(columns) + 1}
		if bar.Value.N > 0 {
			for _, c := range columns {
				line.Cells = append(line.Cells, c.text(e))
			}
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
