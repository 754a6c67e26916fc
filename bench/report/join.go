package report

import (
	"errors"
	"slices"
)

// Join makes one report of several of one machine, whose chapters were measured at different times.
// A row that more than one has is that of the last. The options are the first one's, and where others had
// different ones that is noted; a baseline they must have in common.
func Join(parts ...*Report) (*Report, error) {
	if len(parts) == 0 {
		return nil, errors.New("report: nothing to join")
	}
	all := *parts[0]
	all.Peers, all.Rows = slices.Clone(all.Peers), slices.Clone(all.Rows)
	for _, p := range parts[1:] {
		if !p.Machine.same(all.Machine) {
			return nil, errors.New("report: these are of different machines")
		}
		if p.Options.Baseline != all.Options.Baseline {
			return nil, errors.New("report: these have different baselines")
		}
		all.Options.Several = all.Options.Several || p.Options != parts[0].Options
		if p.Machine.Commit != all.Machine.Commit {
			all.Machine.Commit = "several"
		}
		if p.Made.After(all.Made) {
			all.Made = p.Made
		}
		all.Took += p.Took
		all.Finished = all.Finished && p.Finished
		for _, peer := range p.Peers {
			if !slices.ContainsFunc(all.Peers, func(q Peer) bool { return q.Name == peer.Name }) {
				all.Peers = append(all.Peers, peer)
			}
		}
		for _, row := range p.Rows {
			all.put(row)
		}
	}
	all.order()
	return &all, nil
}

func (r *Report) put(row Row) {
	same := func(old Row) bool { return old.Key() == row.Key() }
	if i := slices.IndexFunc(r.Rows, same); i >= 0 {
		r.Rows[i] = row
		return
	}
	r.Rows = append(r.Rows, row)
}

// order keeps the rows of a scenario together.
func (r *Report) order() {
	first := map[string]int{}
	for _, row := range r.Rows {
		if _, ok := first[row.Scenario]; !ok {
			first[row.Scenario] = len(first)
		}
	}
	slices.SortStableFunc(r.Rows, func(a, b Row) int { return first[a.Scenario] - first[b.Scenario] })
}

// same leaves out the commit, and which cores were used.
func (m Machine) same(o Machine) bool {
	return m.CPU == o.CPU && m.Cores == o.Cores && m.Memory == o.Memory && m.Kernel == o.Kernel && m.TCP == o.TCP &&
		m.OS == o.OS && m.Virtual == o.Virtual && m.Go == o.Go
}
