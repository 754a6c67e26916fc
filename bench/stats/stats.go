// Package stats holds the few numbers the report is made of: medians, and how far the rounds spread
// around them.
package stats

import (
	"math"
	"slices"
)

// Summary is what is told of several rounds of one measurement. Median and quartiles interpolate
// between neighbours, so three rounds have a meaningful middle and two have their mean.
type Summary struct {
	N      int     `json:"n"`
	Median float64 `json:"median"`
	Q1     float64 `json:"q1"`
	Q3     float64 `json:"q3"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	MAD    float64 `json:"mad"` // median absolute deviation, unscaled
}

// Summarize returns the zero Summary for no values. values stay as they are.
func Summarize(values []float64) Summary {
	if len(values) == 0 {
		return Summary{}
	}
	sorted := slices.Sorted(slices.Values(values))
	s := Summary{
		N: len(sorted), Median: Quantile(sorted, 0.5),
		Q1: Quantile(sorted, 0.25), Q3: Quantile(sorted, 0.75),
		Min: sorted[0], Max: sorted[len(sorted)-1],
	}
	away := make([]float64, len(sorted))
	for i, v := range sorted {
		away[i] = math.Abs(v - s.Median)
	}
	slices.Sort(away)
	s.MAD = Quantile(away, 0.5)
	return s
}

// Quantile interpolates in sorted, which is ascending and not empty; q is in 0..1.
func Quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(math.Floor(at))
	if low+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}

// Ratios divides ours by theirs round by round: rounds are interleaved, so what slowed the machine
// for a while is in both and leaves the quotient alone. A round that lacks either value, or in which
// theirs is not positive, is left out; NaN stands for a missing value.
func Ratios(ours, theirs []float64) []float64 {
	var out []float64
	for i := range min(len(ours), len(theirs)) {
		r := ours[i] / theirs[i]
		if theirs[i] > 0 && !math.IsNaN(r) && !math.IsInf(r, 0) {
			out = append(out, r)
		}
	}
	return out
}
