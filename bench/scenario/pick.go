package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace/bench/load"
)

// OpenFiles is how many descriptors a process needs for the largest row.
const OpenFiles = 11000

// Pick chooses rows; each field is a list with commas, and an empty one means all.
type Pick struct {
	Scenarios, Sizes, Conns string
}

// Rows returns the rows that fit, an error when none does.
func (p Pick) Rows() ([]Row, error) {
	known := Scenarios()
	for _, name := range strings.Split(p.Scenarios, ",") {
		if name != "" && !slices.Contains(known, name) {
			return nil, fmt.Errorf("no scenario %q, there are %s", name, strings.Join(known, ", "))
		}
	}
	var rows []Row
	for _, r := range Rows() {
		if In(p.Scenarios, r.Scenario) && In(p.Sizes, strconv.Itoa(r.Spec.Size)) &&
			In(p.Conns, strconv.Itoa(r.Spec.Conns)) {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("no row has scenario %q, size %q and %q connections", p.Scenarios, p.Sizes, p.Conns)
	}
	return rows, nil
}

// In tells whether list is empty or names v.
func In(list, v string) bool {
	return list == "" || slices.Contains(strings.Split(list, ","), v)
}

// Smoke is a short row of every kind: it shows that everything works, and measures nothing.
func Smoke() []Row {
	var rows []Row
	seen := map[string]bool{}
	for _, r := range Rows() {
		if seen[r.Scenario] || r.Scenario == "loops" {
			continue
		}
		seen[r.Scenario] = true
		r.Least = 0
		r.Name += ", smoke"
		r.Spec.Conns = min(r.Spec.Conns, 20)
		r.Wide = r.Scenario == "echo"
		if r.Spec.Kind == load.Slow {
			r.Spec.Rate *= 20
		}
		rows = append(rows, r)
	}
	return rows
}

// SmokeDuration is how long each of them lasts.
const SmokeDuration = 100 * time.Millisecond
