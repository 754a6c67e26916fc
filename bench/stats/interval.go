package stats

import (
	"math"
	"slices"
)

// Interval is a confidence interval for a median. OK is false when there are too few values for the
// confidence that was asked for; Low and High are then the extremes.
type Interval struct {
	Low, High  float64
	Confidence float64 // what the interval really has, at least what was asked for when OK
	OK         bool
}

// MedianInterval returns the narrowest pair of order statistics, symmetric around the middle, between
// which the true median lies with the given confidence, whatever the distribution: the number of
// values below it is binomial with p = 1/2. Six values are the fewest that reach 0.95.
func MedianInterval(values []float64, confidence float64) Interval {
	n := len(values)
	if n == 0 {
		return Interval{}
	}
	sorted := slices.Sorted(slices.Values(values))
	out := Interval{Low: sorted[0], High: sorted[n-1], Confidence: coverage(n, 0)}
	out.OK = out.Confidence >= confidence
	for k := 1; k < (n+1)/2; k++ {
		c := coverage(n, k)
		if c < confidence {
			break
		}
		out = Interval{Low: sorted[k], High: sorted[n-1-k], Confidence: c, OK: true}
	}
	return out
}

// coverage is the probability that the median lies between the k-th values from both ends, k from 0.
func coverage(n, k int) float64 {
	outside := 0.0
	term := math.Pow(0.5, float64(n)) // C(n,0) / 2^n
	for i := 0; i <= k; i++ {
		outside += term
		term *= float64(n-i) / float64(i+1)
	}
	return 1 - 2*outside
}
