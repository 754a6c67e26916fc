package modeltest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// regressions are programs that failed once, shrunk to what it takes, with the commit
// that made them pass. A new one goes here as rapid prints it, with the seed of its
// faults.
var regressions = []struct {
	name    string
	program program
}{
	{"351d10f: a receive in full after the end calls back", program{
		links: []string{"tcp"},
		steps: []step{{0, "abort", 1}, {0, "recv full", 100}, {1, "recv full", 100}},
	}},
	{"d59a4c7: detaching leaves no chunk of a file behind", program{
		links: []string{"tcp"},
		steps: []step{{0, "sendfile", 100}, {0, "move", 1}, {0, "sendfile", 20_001}, {0, "move", 1}},
	}},
	{"d59a4c7: shutting down what has ended loses nothing received", program{
		links: []string{"tcp"},
		steps: []step{
			{1, "pause", 1}, {0, "write", 70_000}, {0, "close write", 1}, {1, "close write", 1},
			{1, "close write", 1}, {1, "resume", 1},
		},
	}},
	{"33f4762: a reset after a part of a receive in full is no orderly end", program{
		links: []string{"tcp"},
		steps: []step{{0, "recv full", 300_000}, {1, "write", 20_001}, {1, "abort", 1}},
	}},
	{"d038e13: memory that is received into stays when a send fails", program{
		links: []string{"tcp"},
		steps: []step{
			{0, "recv full", 300_000}, {1, "write", 4096}, {1, "abort", 1},
			{0, "write", 300_000}, {0, "write", 300_000},
		},
	}},
	{"5cf39ae: memory of a zero-copy send stays until its last completion", program{
		links: []string{"tcp"},
		steps: []step{
			{0, "send", 300_000}, {1, "send", 20_001}, {0, "send", 4095}, {1, "send", 300_000}, {0, "send", 20_001},
		},
	}},
	{"bc4a9ef: a relay does not stop an answer for what waits for its server", program{
		links: []string{"tcp relay"},
		steps: []step{
			{1, "pause", 1}, {0, "write", 300_000}, {0, "close write", 1}, {1, "write", 300_000},
			{1, "close write", 1}, {1, "resume", 1},
		},
	}},
	{"a Unix connection whose peer closed was not shut down by its owner", program{
		links: []string{"unix"},
		steps: []step{{1, "close", 1}, {0, "move", 1}, {0, "pause", 1}, {0, "sendfile", 100}},
	}},
	{"a receive into a file after the end does not tell the end again", program{
		links: []string{"tcp"},
		steps: []step{{1, "close write", 1}, {0, "recv file", 100}, {0, "recv file", 100}, {0, "write", 4096}},
	}},
}

// TestRegressions runs them on every engine, plain and under faults from several seeds.
func TestRegressions(t *testing.T) {
	const seeds = 5
	for _, b := range backends {
		for m, mode := range modes {
			t.Run(b.String()+"/"+mode.name, func(t *testing.T) {
				l := newLab(t, b, m)
				defer func() { require.NoError(t, l.stop()) }()
				for _, r := range regressions {
					for seed := range uint64(seeds) {
						p := r.program
						p.ends, p.seed = "finish", p.seed+seed
						require.NoError(t, l.one(p), "%s: %v", r.name, p)
					}
				}
			})
		}
	}
}
