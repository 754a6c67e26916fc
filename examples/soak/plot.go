package main

import (
	"fmt"
	"html"
	"strings"
)

// The plot: one small diagram for each metric, a line for each server.
const (
	plotWidth, plotHeight = 860, 120 // of a diagram
	plotLeft, plotTop     = 70, 40
	plotStep              = plotHeight + 50
)

var plotColors = []string{
	"#1b6ca8", "#d1495b", "#66a182", "#edae49", "#6a4c93", "#2e4057", "#8d96a3", "#00798c",
	"#b5651d", "#c77dff", "#3a7d44",
}

// svg draws the run.
func (r *record) svg() string {
	var b strings.Builder
	height := plotTop + metrics*plotStep + 30
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`,
		plotLeft+plotWidth+20, height)
	b.WriteString(`<rect width="100%" height="100%" fill="white"/>`)
	x := plotLeft
	for i, s := range r.fleet.all {
		fmt.Fprintf(&b, `<text x="%d" y="16" fill="%s">%s</text>`, x, color(i), html.EscapeString(s.name))
		x += 8*len(s.name) + 10
	}
	for k := range metrics {
		r.diagram(&b, k, plotTop+k*plotStep)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%v</text></svg>`,
		plotLeft+plotWidth, height-12, r.last().at.Round(1e9))
	return b.String()
}

// diagram draws one metric below y.
func (r *record) diagram(b *strings.Builder, k, y int) {
	most := 1.0
	for _, m := range r.moments {
		for _, s := range m.all {
			most = max(most, s[k])
		}
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" font-weight="bold">%s</text>`, plotLeft, y+10, metricNames[k])
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%.0f</text>`, plotLeft-6, y+26, most)
	fmt.Fprintf(b, `<path d="M%d %dv%dh%d" fill="none" stroke="#999"/>`, plotLeft, y+18, plotHeight, plotWidth)
	for i := range r.fleet.all {
		fmt.Fprintf(b, `<polyline fill="none" stroke="%s" points="`, color(i))
		for _, m := range r.moments {
			fmt.Fprintf(b, "%.1f,%.1f ",
				plotLeft+plotWidth*float64(m.at)/float64(max(1, r.last().at)),
				float64(y+18+plotHeight)-plotHeight*m.all[i][k]/most)
		}
		b.WriteString(`"/>`)
	}
}

func color(i int) string { return plotColors[i%len(plotColors)] }
