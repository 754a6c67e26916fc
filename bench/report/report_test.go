//go:build linux

package report

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/bench/load"
	"github.com/headrace/headrace/bench/measure"
	"github.com/headrace/headrace/bench/scenario"
	"github.com/headrace/headrace/bench/stats"
)

func round(cpu time.Duration) Round {
	return Round{OK: true, Result: load.Result{Conns: 100, Ops: 1000, Bytes: 64000, Elapsed: time.Second,
		Client: 400 * time.Millisecond, ServerBusy: 1000 * cpu,
		Latency: load.Latency{Count: 1000, P50: 10 * time.Microsecond, P99: 90 * time.Microsecond},
		Server:  measure.Usage{CPU: 1000 * cpu, RSS: 5 << 20}}}
}

func rounds(us ...int) []Round {
	var out []Round
	for _, n := range us {
		out = append(out, round(time.Duration(n)*time.Microsecond))
	}
	return out
}

// sample has a server of each fate.
func sample() *Report {
	row := scenario.Row{Scenario: "echo", Name: "64 B × 100", Serve: "echo", Metric: scenario.CPUPerOp}
	bound := rounds(9, 9, 9)
	for i := range bound {
		bound[i].Bound = true
	}
	return &Report{
		Made: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Took: time.Minute, Finished: true,
		Machine: Machine{CPU: "a CPU <&>", Cores: 2, Kernel: "6.18", Go: "go1.26", Used: []int{0, 1}},
		Options: Options{Rounds: 3, Duration: time.Second, Baseline: "std"},
		Peers: []Peer{{Name: "headrace", Ours: true}, {Name: "std", Go: true}, {Name: "gnet", Go: true},
			{Name: "floor-liburing"}},
		Rows: []Row{{Row: row, Entries: []Entry{
			{Peer: "floor-liburing", Rounds: rounds(5, 5, 6)},
			{Peer: "headrace", Backend: "io_uring", Rounds: rounds(6, 5, 7)},
			{Peer: "std", Rounds: rounds(12, 8, 10)},
			{Peer: "gnet", Rounds: []Round{round(8 * time.Microsecond), {}, round(10 * time.Microsecond)},
				Failed: []string{"it <broke>"}},
			{Peer: "evio", Rounds: []Round{{}, {}, {}}, Failed: []string{"no | start", "again"}},
			{Peer: "nginx", Skipped: "nginx is not there"},
			{Peer: "fast", Rounds: bound},
		}}},
	}
}

func TestJSONRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "r.json")
	want := sample()
	require.NoError(t, want.Save(path))
	got, err := Read(path)
	require.NoError(t, err)
	require.Equal(t, want, got)
	_, err = Read(path + ".new")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestRatioIsTheMedianOfTheRoundsQuotients(t *testing.T) {
	row := &sample().Rows[0]
	s, ok := Ratio(CPUPerOp, row.Entry("headrace"), row.Entry("std"))
	require.True(t, ok)
	require.InDelta(t, 0.625, s.Median, 1e-9) // of 6/12, 5/8, 7/10
	_, ok = Ratio(CPUPerOp, row.Entry("nginx"), row.Entry("std"))
	require.False(t, ok)
	_, ok = Ratio(CPUPerOp, row.Entry("headrace"), row.Entry("absent"))
	require.False(t, ok)
}

func TestFailedRoundsStayAligned(t *testing.T) {
	row := &sample().Rows[0]
	s, ok := Ratio(CPUPerOp, row.Entry("gnet"), row.Entry("std"))
	require.True(t, ok)
	require.Equal(t, 2, s.N)
	require.InDelta(t, (8.0/12+10.0/10)/2, s.Median, 1e-9)
}

func TestChecks(t *testing.T) {
	r := sample()
	key := r.Rows[0].Key()
	checks := r.Checks([]scenario.Target{
		{Text: "met", Ours: "headrace", Against: scenario.BestGo, Rows: []string{key},
			Metric: scenario.CPUPerOp, Limit: 0.75},
		{Text: "missed", Ours: "headrace", Against: "floor-liburing", Rows: []string{key},
			Metric: scenario.CPUPerOp, Limit: 1.05},
		{Text: "growth", Ours: "headrace", Against: scenario.Self, Rows: []string{key}, Base: key,
			Metric: scenario.Throughput, Limit: 0.85, AtLeast: true},
		{Text: "not measured", Ours: "headrace", Against: "absent", Rows: []string{key, "no/row"},
			Metric: scenario.CPUPerOp},
	})
	require.Len(t, checks, 3)
	require.True(t, checks[0].Met)
	require.Equal(t, "gnet", checks[0].Against)
	require.False(t, checks[1].Met)
	require.True(t, checks[2].Met)
	require.InDelta(t, 1, checks[2].Found.Median, 1e-9)
}

func TestNotes(t *testing.T) {
	row := &sample().Rows[0]
	require.Equal(t, "skipped: nginx is not there", row.Entry("nginx").Why())
	require.Equal(t, "failed: no | start", row.Entry("evio").Why())
	require.Equal(t, "1 of 3 rounds failed: it <broke>", row.Entry("gnet").Why())
	require.Equal(t, "client-bound", row.Entry("fast").Why())
	require.Empty(t, row.Entry("std").Why())
	e := Entry{Rounds: rounds(5)}
	e.Rounds[0].ServerBusy += 200 * time.Millisecond
	require.Equal(t, "other work on the core", e.Why())
	e.Rounds[0].ServerCores = 2
	require.Empty(t, e.Why(), "a tenth of two cores")
	e.Rounds[0].ServerBusy += 300 * time.Millisecond
	require.Equal(t, "other work on the core", e.Why())
	e.Rounds[0].Shared = true
	require.Empty(t, e.Why(), "it is the generator's")
	e.Rounds[0].Latency.Late = e.Rounds[0].Latency.P99 / 4
	require.Empty(t, e.Why())
	e.Rounds[0].Latency.Late++
	require.Equal(t, "generator late", e.Why())

	e = Entry{Rounds: rounds(5)}
	e.Rounds[0].Total, e.Rounds[0].Lost = 990, 10
	require.Empty(t, e.Why())
	e.Rounds[0].Lost++
	require.Equal(t, "more than 1 % lost", e.Why())
	e.Rounds[0].Lost, e.Rounds[0].Cold, e.Rounds[0].Few = 0, true, true
	require.Equal(t, "warm-up too short; fewer than 3 answers a connection", e.Why())
	require.Equal(t, "not measured", (&Entry{}).Why(), "its turn never came")
	require.Equal(t, "failed: gone", (&Entry{Rounds: []Round{{}, {}}, Failed: []string{"gone"}}).Why())
}

func TestColumnsAreThoseThatHaveSomething(t *testing.T) {
	heads := func(r *Report) (heads []string) {
		for _, c := range r.columns(&r.Rows[0]) {
			heads = append(heads, c.head)
		}
		return heads
	}
	r := sample()
	plain := []string{"µs/op", "quartiles", "÷ std", "op/s", "p50 µs", "p99 µs", "waits/op", "yields/op", "RSS MiB",
		"server's cores %", "generator %"}
	require.Equal(t, plain, heads(r))

	ours := &r.Rows[0].Entry("headrace").Rounds[0]
	none, some := 0.0, 0.25
	ours.Mallocs, ours.Enters, ours.Latency.Late = &none, &some, 3*time.Microsecond
	ours.ServerCores, ours.Threads = 1, []measure.Thread{{Name: "echo", CPU: 75}, {Name: "iou-wrk-7", CPU: 20}, {Name: "echo", CPU: 5}}
	ours.Server.Voluntary, ours.Server.Involuntary = 1500, 10
	var cells []string
	for _, c := range r.columns(&r.Rows[0])[6:] {
		cells = append(cells, c.head+" "+c.text(r.Rows[0].Entry("headrace")))
	}
	require.Equal(t, []string{"sent late, p99 µs 3.00", "allocs/op 0", "enters/op 0.250", "waits/op 0", "yields/op 0",
		"RSS MiB 5.00", "server's cores % 0.600", "loop threads % 75.0", "kernel workers % 20.0", "generator % 40.0"}, cells)
}

func TestRemarks(t *testing.T) {
	row := sample().Rows[0]
	require.Empty(t, row.remarks())
	row.Scenario, row.Metric = "slow", scenario.CPUPerGbit
	for i := range row.Entries[1].Rounds {
		row.Entries[1].Rounds[i].Server.CPU = 512 * time.Microsecond / 20 // for 64000 bytes: 50 ms/Gbit
	}
	require.Len(t, row.remarks(), 1)
	require.Contains(t, row.remarks()[0], "spends 50.0 ms on a gigabit: a core full of such peers would carry 20.0 Gbit/s")
	require.Contains(t, row.remarks()[0], "66.7 and 13.3 times as much")
	row.Entries[2].Rounds[0].Shared = true
	row.Entries[2].Rounds[1].Shared = true
	require.Len(t, row.remarks(), 2)
}

func TestSoundMindsOnlyWhatMustWork(t *testing.T) {
	r := sample()
	require.NoError(t, r.Sound(), "foreign libraries may fail")
	r.Rows[0].Entry("std").Failed = []string{"gone"}
	require.ErrorContains(t, r.Sound(), "gone")
}

func TestPagesNameEveryServer(t *testing.T) {
	dir := t.TempDir()
	r := sample()
	require.NoError(t, r.WriteHTML(dir+"/r.html"))
	require.NoError(t, r.WriteMarkdown(dir+"/r.md"))
	var text strings.Builder
	require.NoError(t, r.Text(&text))
	page, err := os.ReadFile(dir + "/r.html")
	require.NoError(t, err)
	markdown, err := os.ReadFile(dir + "/r.md")
	require.NoError(t, err)
	for _, e := range r.Rows[0].Entries {
		require.Contains(t, string(page), e.Peer)
		require.Contains(t, string(markdown), "| "+e.Peer+" |")
		require.Contains(t, text.String(), e.Peer)
	}
	require.Contains(t, string(page), "a CPU &lt;&amp;&gt;")
	require.NotContains(t, string(page), "<broke>", "notes are escaped")
	for _, outside := range []string{"http://", "https://", "<script", "<link", "url("} {
		require.NotContains(t, string(page), outside, "the page stands alone")
	}
	require.NotContains(t, string(markdown), "no | start", "a bar would split the cell")
}

func TestPlotIsWellFormed(t *testing.T) {
	bars := []Bar{
		{Label: "a <b>", Class: "ours", Value: stats.Summarize([]float64{1, 2, 3})},
		{Label: "slow", Class: "peer", Value: stats.Summarize([]float64{500}), Note: "client-bound"},
		{Label: "none", Class: "peer", Note: strings.Repeat("a long reason & ", 20)},
		{Label: "zero", Class: "peer", Value: stats.Summarize([]float64{0})},
		{Label: "mid", Class: "floor", Value: stats.Summarize([]float64{2})},
	}
	require.NoError(t, wellFormed(Plot(bars)))
	require.InDelta(t, 6, plotLimit(bars), 1e-9, "500 does not make the others invisible")
	require.NotPanics(t, func() { Plot(nil) })
}

// Nothing that a plot says may be cut by its frame, or lie on what is beside it.
func TestTextsOfAPlotStayInItsFrame(t *testing.T) {
	all := "2 of 3 rounds failed: x; client-bound; generator late; other work on the core"
	var bars []Bar
	for _, p := range scenario.Peers() {
		bars = append(bars,
			Bar{Label: p.Name, Class: "ours", Value: stats.Summarize([]float64{123456, 99999999}), Note: all},
			Bar{Label: p.Name + " of a name that is too long", Class: "peer", Note: strings.Repeat("a reason ", 30)},
			Bar{Label: p.Name, Class: "floor", Value: stats.Summarize([]float64{1, 99999999}), Note: "client-bound"})
	}
	for _, p := range scenario.Peers() {
		require.Equal(t, p.Name, shorten(p.Name, labelWidth-gap, textSize, true), "a name is cut")
	}
	texts := texts(t, Plot(bars))
	require.Len(t, texts, 2*len(bars))
	for _, text := range texts {
		width := textWidth(text.Text, textSize, strings.Contains(text.Class, "ours"))
		switch {
		case strings.HasPrefix(text.Class, "label"):
			require.GreaterOrEqual(t, text.X, width, "it begins left of the frame: %q", text.Text)
			continue
		case text.Class == "none":
			width = textWidth(text.Text, noteSize, false)
		}
		if text.Note.Text != "" {
			width += textWidth(text.Note.Text, noteSize, false)
		}
		require.LessOrEqual(t, text.X+width, float64(plotWidth), "it ends right of the frame: %q", text.Text)
	}
	require.Equal(t, "failures, client-bound …", mark(all, 170), "what does not fit is told to be there")
	require.Equal(t, "failures, client-bound, generator late, disturbed", mark(all, plotWidth))
}

type plotText struct {
	Class string  `xml:"class,attr"`
	X     float64 `xml:"x,attr"`
	Text  string  `xml:",chardata"`
	Note  struct {
		Text string `xml:",chardata"`
	} `xml:"tspan"`
}

// texts are those of an SVG, but for titles, which are not drawn.
func texts(t *testing.T, svg string) []plotText {
	t.Helper()
	var plot struct {
		Texts []plotText `xml:"text"`
	}
	require.NoError(t, xml.Unmarshal([]byte(svg), &plot))
	return plot.Texts
}

func TestFoundIsToldFromItsBound(t *testing.T) {
	for found, text := range map[float64]string{0.7: "0.70", 0.75: "0.75", 0.752: "0.752", 0.7504: "0.7504"} {
		c := Check{Target: scenario.Target{Limit: 0.75}, Found: stats.Summarize([]float64{found})}
		require.Equal(t, text, c.FoundText())
	}
}

func TestEveryChapterIsExplained(t *testing.T) {
	for _, name := range scenario.Scenarios() {
		require.NotEmpty(t, chapterText[name], name)
	}
}

func wellFormed(svg string) error {
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func TestJoin(t *testing.T) {
	a, b, c := sample(), sample(), sample()
	b.Rows[0].Scenario, b.Peers = "churn", append(b.Peers, Peer{Name: "rio"})
	c.Rows[0].Entries, c.Finished = nil, false
	c.Machine.Commit, c.Made = "other", c.Made.Add(time.Hour)
	all, err := Join(a, b, c)
	require.NoError(t, err)
	require.Len(t, all.Rows, 2)
	require.Empty(t, all.Rows[0].Entries, "the last one's")
	require.Equal(t, "churn", all.Rows[1].Scenario)
	require.Len(t, all.Peers, len(a.Peers)+1)
	require.Equal(t, "several", all.Machine.Commit)
	require.Equal(t, 3*time.Minute, all.Took)
	require.Equal(t, c.Made, all.Made)
	require.False(t, all.Finished)
	require.Len(t, a.Rows[0].Entries, len(sample().Rows[0].Entries), "the parts stay as they are")

	require.False(t, all.Options.Several)
	b.Options.Rounds++
	all, err = Join(a, b)
	require.NoError(t, err)
	require.Contains(t, all.Method(), "several rounds")
	all, err = Join(all, sample())
	require.NoError(t, err)
	require.True(t, all.Options.Several)
	b.Options.Baseline = "gnet"
	_, err = Join(a, b)
	require.ErrorContains(t, err, "different baselines")
	b.Machine.CPU = "another"
	_, err = Join(a, b)
	require.ErrorContains(t, err, "different machines")
	_, err = Join()
	require.Error(t, err)
}

func TestJoinKeepsScenariosTogether(t *testing.T) {
	a, b, c := sample(), sample(), sample()
	b.Rows[0].Scenario, c.Rows[0].Name = "churn", "1 KiB × 100"
	all, err := Join(a, b, c)
	require.NoError(t, err)
	var keys []string
	for _, row := range all.Rows {
		keys = append(keys, row.Key())
	}
	require.Equal(t, []string{"echo/64 B × 100", "echo/1 KiB × 100", "churn/64 B × 100"}, keys)
}
