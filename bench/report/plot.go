package report

import (
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/headrace/headrace/bench/stats"
)

// Bar is one server in a plot.
type Bar struct {
	Label string
	Class string // ours, floor or peer
	Value stats.Summary
	Note  string // instead of a bar where there is no value, after it where there is
}

// Geometry of a plot, in pixels.
const (
	plotWidth  = 640
	labelWidth = 158
	barsWidth  = 320
	rowHeight  = 24
	barHeight  = 14
	topMargin  = 8
	noteLength = 62
)

// Plot draws horizontal bars as SVG: the median, its quartiles as a line, the number beside it. A bar
// that is far longer than the others is cut, with a mark, so that the others stay comparable.
func Plot(bars []Bar) string {
	limit := plotLimit(bars)
	height := topMargin*2 + rowHeight*len(bars)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" width="%d" height="%d" role="img">`,
		plotWidth, height, plotWidth, height)
	fmt.Fprintf(&b, `<line class="axis" x1="%d" y1="%d" x2="%d" y2="%d"/>`,
		labelWidth, topMargin, labelWidth, height-topMargin)
	for i, bar := range bars {
		drawBar(&b, bar, limit, topMargin+i*rowHeight)
	}
	b.WriteString("</svg>")
	return b.String()
}

// plotLimit is the value at the right end of the scale.
func plotLimit(bars []Bar) float64 {
	var medians []float64
	for _, bar := range bars {
		if bar.Value.N > 0 {
			medians = append(medians, bar.Value.Median)
		}
	}
	if len(medians) == 0 {
		return 1
	}
	slices.Sort(medians)
	largest := medians[len(medians)-1]
	return max(min(largest, 3*stats.Quantile(medians, 0.5)), 1e-9)
}

func drawBar(b *strings.Builder, bar Bar, limit float64, y int) {
	middle := y + rowHeight/2
	fmt.Fprintf(b, `<text class="label %s" x="%d" y="%d">%s</text>`,
		bar.Class, labelWidth-8, middle, html.EscapeString(bar.Label))
	if bar.Value.N == 0 {
		fmt.Fprintf(b, `<text class="none" x="%d" y="%d"><title>%s</title>%s</text>`,
			labelWidth+6, middle, html.EscapeString(bar.Note), html.EscapeString(shorten(bar.Note)))
		return
	}
	scale := func(v float64) float64 { return max(0, min(v/limit, 1)) * barsWidth }
	width := max(scale(bar.Value.Median), 1)
	top := float64(middle) - float64(barHeight)/2
	fmt.Fprintf(b, `<rect class="%s" x="%d" y="%.1f" width="%.1f" height="%d"/>`,
		bar.Class, labelWidth, top, width, barHeight)
	end := width
	if bar.Value.Median > limit {
		// The mark of a cut bar.
		fmt.Fprintf(b, `<path class="cut" d="M%.1f %.1f l6 -18 M%.1f %.1f l6 -18"/>`,
			labelWidth+width-22, top+16, labelWidth+width-16, top+16)
	} else if bar.Value.Q3 > bar.Value.Q1 {
		low, high := scale(bar.Value.Q1), scale(bar.Value.Q3)
		fmt.Fprintf(b, `<path class="spread" d="M%.1f %d H%.1f M%.1f %d v8 M%.1f %d v8"/>`,
			labelWidth+low, middle, labelWidth+high, labelWidth+low, middle-4, labelWidth+high, middle-4)
		end = max(end, high)
	}
	text := Text(bar.Value.Median)
	fmt.Fprintf(b, `<text class="value" x="%.1f" y="%d">%s`, labelWidth+end+7, middle, text)
	if bar.Note != "" {
		fmt.Fprintf(b, ` <tspan class="note">%s<title>%s</title></tspan>`,
			html.EscapeString(mark(bar.Note)), html.EscapeString(bar.Note))
	}
	b.WriteString("</text>")
}

func shorten(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > noteLength {
		return string(r[:noteLength]) + "…"
	}
	return s
}

// mark is the few letters beside a number that send the reader to the table below.
func mark(note string) string {
	var marks []string
	for _, m := range []struct{ in, out string }{
		{"rounds failed", "failures"}, {"client-bound", "client-bound"}, {"other work", "disturbed"}} {
		if strings.Contains(note, m.in) {
			marks = append(marks, m.out)
		}
	}
	return strings.Join(marks, ", ")
}
