package report

import (
	"fmt"
	"math"
	"strconv"

	"github.com/headrace/headrace/bench/scenario"
	"github.com/headrace/headrace/bench/stats"
)

// Check is one target in one row: what was found against what was wanted.
type Check struct {
	scenario.Target
	Row     string
	Against string // the peer that was meant, where the target says "the best"
	Found   stats.Summary
	Met     bool
}

// Checks evaluates every target whose rows and peers the report has.
func (r *Report) Checks(targets []scenario.Target) []Check {
	var out []Check
	for _, t := range targets {
		for _, key := range t.Rows {
			if c, ok := r.check(t, key); ok {
				out = append(out, c)
			}
		}
	}
	return out
}

func (r *Report) check(t scenario.Target, key string) (Check, bool) {
	c := Check{Target: t, Row: key, Against: t.Against}
	ours := r.values(t, key, t.Ours)
	var found []float64
	switch t.Against {
	case scenario.Self:
		found = Good(ours)
	case scenario.BestGo:
		c.Against = r.bestGo(t, key)
		found = stats.Ratios(ours, r.values(t, key, c.Against))
	default:
		found = stats.Ratios(ours, r.values(t, key, t.Against))
	}
	if len(found) == 0 {
		return c, false
	}
	c.Found = stats.Summarize(found)
	c.Met = c.Found.Median <= t.Limit
	if t.AtLeast {
		c.Met = c.Found.Median >= t.Limit
	}
	return c, true
}

// values are a peer's rounds in a row, divided by its rounds in row Base where the target has one.
func (r *Report) values(t scenario.Target, key, peer string) []float64 {
	m := MetricOf(t.Metric)
	values := r.rounds(m, key, peer)
	if t.Base == "" {
		return values
	}
	base := r.rounds(m, t.Base, peer)
	out := make([]float64, min(len(values), len(base)))
	for i := range out {
		out[i] = values[i] / base[i]
	}
	return out
}

func (r *Report) rounds(m Metric, key, peer string) []float64 {
	for i := range r.Rows {
		if r.Rows[i].Key() != key {
			continue
		}
		if e := r.Rows[i].Entry(peer); e != nil {
			return e.Values(m)
		}
	}
	return nil
}

// bestGo is the Go peer with the best median.
func (r *Report) bestGo(t scenario.Target, key string) string {
	best, name := math.Inf(1), ""
	for _, p := range r.Peers {
		if !p.Go {
			continue
		}
		s := stats.Summarize(Good(r.values(t, key, p.Name)))
		if s.N == 0 {
			continue
		}
		v := s.Median
		if t.AtLeast {
			v = -v
		}
		if v < best {
			best, name = v, p.Name
		}
	}
	return name
}

// FoundText is what was found, with as many digits, from two on, as tell it from the bound.
func (c Check) FoundText() string {
	for digits := 2; digits < 5; digits++ {
		text := strconv.FormatFloat(c.Found.Median, 'f', digits, 64)
		if c.Found.Median == c.Limit || text != strconv.FormatFloat(c.Limit, 'f', digits, 64) {
			return text
		}
	}
	return strconv.FormatFloat(c.Found.Median, 'g', -1, 64)
}

// Wanted is the target's bound in words.
func (c Check) Wanted() string {
	if c.AtLeast {
		return fmt.Sprintf("≥ %.2f", c.Limit)
	}
	return fmt.Sprintf("≤ %.2f", c.Limit)
}
