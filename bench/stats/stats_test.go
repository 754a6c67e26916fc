package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSummarize(t *testing.T) {
	tests := map[string]struct {
		in   []float64
		want Summary
	}{
		"none":     {nil, Summary{}},
		"one":      {[]float64{4}, Summary{N: 1, Median: 4, Q1: 4, Q3: 4, Min: 4, Max: 4}},
		"two":      {[]float64{4, 2}, Summary{N: 2, Median: 3, Q1: 2.5, Q3: 3.5, Min: 2, Max: 4, MAD: 1}},
		"unsorted": {[]float64{9, 1, 5}, Summary{N: 3, Median: 5, Q1: 3, Q3: 7, Min: 1, Max: 9, MAD: 4}},
		"outlier":  {[]float64{1, 2, 3, 4, 100}, Summary{N: 5, Median: 3, Q1: 2, Q3: 4, Min: 1, Max: 100, MAD: 1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, tt.want, Summarize(tt.in)) })
	}
}

func TestSummarizeLeavesItsInputAlone(t *testing.T) {
	in := []float64{3, 1, 2}
	Summarize(in)
	MedianInterval(in, 0.5)
	require.Equal(t, []float64{3, 1, 2}, in)
}

func TestRatiosLeaveOutRoundsThatLackAValue(t *testing.T) {
	nan := math.NaN()
	require.Equal(t, []float64{0.5, 2}, Ratios([]float64{1, nan, 3, 4, 5}, []float64{2, 2, nan, 2, 0}))
	require.Empty(t, Ratios([]float64{1}, nil))
}

func TestMedianIntervalIsTheBinomialOne(t *testing.T) {
	tests := map[string]struct {
		n         int
		low, high float64
		ok        bool
	}{
		"five are too few":        {5, 1, 5, false},
		"six reach it":            {6, 1, 6, true},
		"ten, from the tables":    {10, 2, 9, true},
		"twenty, from the tables": {20, 6, 15, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var in []float64
			for i := range tt.n {
				in = append(in, float64(i+1))
			}
			rand.Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
			got := MedianInterval(in, 0.95)
			require.Equal(t, tt.ok, got.OK)
			require.Equal(t, tt.low, got.Low)
			require.Equal(t, tt.high, got.High)
			require.Equal(t, tt.ok, got.Confidence >= 0.95)
		})
	}
	require.Equal(t, Interval{}, MedianInterval(nil, 0.95))
}

// The promise itself: of many intervals, at least the promised share holds the true median.
func TestMedianIntervalCoversTheMedian(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const trials = 4000
	inside := 0
	for range trials {
		in := make([]float64, 10)
		for i := range in {
			in[i] = r.ExpFloat64() // skewed; its median is ln 2
		}
		if ci := MedianInterval(in, 0.95); ci.Low <= math.Ln2 && math.Ln2 <= ci.High {
			inside++
		}
	}
	require.GreaterOrEqual(t, float64(inside)/trials, 0.95)
}
