package report

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode/utf8"

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
	labelWidth = 168
	barsWidth  = 240
	rowHeight  = 24
	barHeight  = 14
	topMargin  = 8
	gap        = 8 // between a text and what it belongs to
)

// Sizes of the letters, as the style sheets have them.
const (
	textSize = 13
	noteSize = 11
)

// textWidth is what a text takes at most, roughly: in DejaVu Sans, which is wider than most, a letter takes
// 0.62 of its height on average, and 0.69 in bold.
func textWidth(s string, size float64, bold bool) float64 {
	letter := 0.64
	if bold {
		letter = 0.70
	}
	return float64(utf8.RuneCountInString(s)) * size * letter
}

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
		bar.Class, labelWidth-gap, middle,
		html.EscapeString(shorten(bar.Label, labelWidth-gap, textSize, bar.Class == "ours")))
	if bar.Value.N == 0 {
		fmt.Fprintf(b, `<text class="none" x="%d" y="%d"><title>%s</title>%s</text>`,
			labelWidth+gap, middle, html.EscapeString(bar.Note),
			html.EscapeString(shorten(bar.Note, plotWidth-labelWidth-gap, noteSize, false)))
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
	text, x := Text(bar.Value.Median), labelWidth+end+gap
	fmt.Fprintf(b, `<text class="value" x="%.1f" y="%d">%s`, x, middle, text)
	if bar.Note != "" {
		room := plotWidth - x - textWidth(text+" ", textSize, false)
		fmt.Fprintf(b, ` <tspan class="note">%s<title>%s</title></tspan>`,
			html.EscapeString(mark(bar.Note, room)), html.EscapeString(bar.Note))
	}
	b.WriteString("</text>")
}

// shorten makes s fit.
func shorten(s string, room, size float64, bold bool) string {
	s = strings.Join(strings.Fields(s), " ")
	if textWidth(s, size, bold) <= room {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && textWidth(string(r)+"…", size, bold) > room {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

// mark is the few letters beside a number that send the reader to the table below: as many of the notes
// as fit, in a word or two each.
func mark(note string, room float64) string {
	var marks []string
	for _, m := range []struct{ in, out string }{
		{"rounds failed", "failures"}, {"client-bound", "client-bound"}, {"generator late", "generator late"},
		{"other work", "disturbed"}, {"1 % lost", "losses"}, {"warm-up too short", "cold"}, {"fewer than 3", "few answers"},
	} {
		if strings.Contains(note, m.in) {
			marks = append(marks, m.out)
		}
	}
	for n := len(marks); n > 0; n-- {
		text := strings.Join(marks[:n], ", ")
		if n < len(marks) {
			text += " …"
		}
		if textWidth(text, noteSize, false) <= room {
			return text
		}
	}
	return ""
}
