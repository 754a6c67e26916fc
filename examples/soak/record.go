package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The metrics of a sample.
const (
	rss = iota
	descriptors
	goroutines
	conns
	chunks
	timers
	stalls
	metrics
)

var metricNames = [metrics]string{"RSS MiB", "descriptors", "goroutines", "connections", "chunks", "timers", "stalls"}

// sample is what one server was like at one time.
type sample [metrics]float64

// moment is a sample of every server.
type moment struct {
	at  time.Duration
	all []sample
}

// record is the moments of a run.
type record struct {
	fleet   *fleet
	began   time.Time
	moments []moment
}

func (r *record) last() moment { return r.moments[len(r.moments)-1] }

// look takes a sample of every server.
func (r *record) look() error {
	if r.began.IsZero() {
		r.began = time.Now()
	}
	m := moment{at: time.Since(r.began)}
	for _, s := range r.fleet.all {
		v, err := r.fleet.vars(s)
		if err != nil {
			return fmt.Errorf("%s does not tell how it is: %w", s.name, err)
		}
		s.stalls = v.Stalls
		var x sample
		x[rss], x[descriptors] = process(s.cmd.Process.Pid)
		x[goroutines] = float64(v.Goroutines)
		for _, l := range v.Headrace.Loops {
			x[conns] += float64(l.Conns)
			x[timers] += float64(l.Timers)
			x[chunks] += float64(l.Pool.Chunks)
			x[stalls] += float64(l.Stalls)
		}
		m.all = append(m.all, x)
	}
	r.moments = append(r.moments, m)
	return nil
}

// process returns a process's resident memory in MiB and its descriptors; zeros
// where the system has no /proc.
func process(pid int) (mib, fds float64) {
	list, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			mib = kib / 1024
		}
	}
	return mib, float64(len(list))
}

// watch takes samples until ctx is done.
func (r *record) watch(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := r.look(); err != nil {
			return err
		}
	}
}

// settle takes samples until no server has a connection and none changes.
func (r *record) settle(ctx context.Context) error {
	const patience, pause, calm = time.Minute, 100 * time.Millisecond, 5
	same := 0
	var before []sample
	for end := time.Now().Add(patience); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(pause) {
		if err := r.look(); err != nil {
			return err
		}
		now := slices.Clone(r.last().all)
		quiet := true
		for i := range now {
			quiet = quiet && now[i][conns] == 0
			// Our own question is a connection and a goroutine there, for a moment.
			now[i][rss], now[i][stalls], now[i][descriptors], now[i][goroutines] = 0, 0, 0, 0
		}
		if same++; !quiet || !slices.Equal(now, before) {
			same = 0
		}
		if before = now; same >= calm {
			return nil
		}
	}
	return errors.Join(ctx.Err(), errors.New("the servers do not settle"))
}

// shortestCurve: in less time the pools are still warming up, and memory tells nothing.
const shortestCurve = 30 * time.Second

// grew tells what is more than before the load, when nobody is there any more, and
// whose memory went on growing under it.
func (r *record) grew(baseline moment) (failed error) {
	slack := sample{descriptors: 4, goroutines: 5, chunks: 4, timers: 0}
	for i, s := range r.fleet.all {
		now, then := r.last().all[i], baseline.all[i]
		for _, k := range []int{descriptors, goroutines, chunks, timers, conns} {
			if now[k] > then[k]+slack[k] {
				failed = errors.Join(failed, fmt.Errorf("%s: %s: %g before the load, %g after it",
					s.name, metricNames[k], then[k], now[k]))
			}
		}
		var curve []float64
		for _, m := range r.moments {
			if m.at > baseline.at {
				curve = append(curve, m.all[i][rss])
			}
		}
		if r.last().at-baseline.at < shortestCurve {
			continue
		}
		if middle, last, flat := isFlat(curve); !flat {
			failed = errors.Join(failed, fmt.Errorf("%s: %s: %.1f in the middle third, %.1f in the last",
				s.name, metricNames[rss], middle, last))
		}
	}
	return failed
}

// isFlat compares the medians of the middle and the last third of a curve: they do not
// see peaks, and the first third is warming up. The last may be above by a little of the
// middle, or by what the middle's own samples differ.
func isFlat(curve []float64) (middle, last float64, flat bool) {
	const fewest, growth, slack, spread = 9, 0.1, 8, 3
	if len(curve) < fewest {
		return 0, 0, true
	}
	third := len(curve) / 3
	mid := curve[len(curve)-2*third : len(curve)-third]
	middle, last = median(mid), median(curve[len(curve)-third:])
	off := make([]float64, len(mid))
	for i, v := range mid {
		off[i] = math.Abs(v - middle)
	}
	return middle, last, last <= middle+max(slack, growth*middle, spread*median(off))
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// table shows each server before the load, at its most, and after it.
func (r *record) table(baseline moment) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-20s", "before / most / after")
	for _, name := range metricNames {
		fmt.Fprintf(&b, " %17s", name)
	}
	for i, s := range r.fleet.all {
		fmt.Fprintf(&b, "\n%-20s", s.name)
		for k := range metrics {
			most := 0.0
			for _, m := range r.moments {
				most = max(most, m.all[i][k])
			}
			fmt.Fprintf(&b, " %17s", fmt.Sprintf("%.0f / %.0f / %.0f", baseline.all[i][k], most, r.last().all[i][k]))
		}
	}
	b.WriteByte('\n')
	return b.String()
}

// write writes the samples as CSV, and as a plot.
func (r *record) write(table, plot string) error {
	f, err := os.Create(table)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	_ = w.Write(append([]string{"seconds", "server"}, metricNames[:]...)) // kept in w.Error
	for _, m := range r.moments {
		for i, s := range r.fleet.all {
			row := []string{fmt.Sprintf("%.1f", m.at.Seconds()), s.name}
			for _, v := range m.all[i] {
				row = append(row, strconv.FormatFloat(v, 'f', -1, 64))
			}
			_ = w.Write(row)
		}
	}
	w.Flush()
	return errors.Join(w.Error(), f.Close(), os.WriteFile(plot, []byte(r.svg()), 0o644))
}
