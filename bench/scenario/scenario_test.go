package scenario

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/bench/load"
)

func TestRowsAreDistinctAndServed(t *testing.T) {
	keys := map[string]bool{}
	for _, r := range Rows() {
		require.False(t, keys[r.Key()], r.Key())
		keys[r.Key()] = true
		served := 0
		for _, p := range Peers() {
			if r.Wants(p, false) {
				served++
			}
		}
		require.Greater(t, served, 2, "%s: nothing to compare", r.Key())
	}
}

func TestTargetsNameRowsAndPeersThatExist(t *testing.T) {
	peers := map[string]Peer{}
	for _, p := range Peers() {
		peers[p.Name] = p
	}
	rows := map[string]Row{}
	for _, r := range Rows() {
		rows[r.Key()] = r
	}
	for _, target := range Targets() {
		require.True(t, peers[target.Ours].Ours, target.Text)
		if target.Against != BestGo && target.Against != Self {
			require.Contains(t, peers, target.Against, target.Text)
		}
		keys := target.Rows
		if target.Base != "" {
			keys = append(keys, target.Base)
		}
		for _, key := range keys {
			require.Contains(t, rows, key, target.Text)
			require.True(t, rows[key].Wants(peers[target.Ours], false),
				"%s: %s does not run there", target.Text, target.Ours)
		}
	}
}

func TestPick(t *testing.T) {
	rows, err := Pick{Scenarios: "echo", Sizes: "64", Conns: "100,1000"}.Rows()
	require.NoError(t, err)
	require.Len(t, rows, 2)
	_, err = Pick{Scenarios: "eco"}.Rows()
	require.ErrorContains(t, err, `no scenario "eco"`)
	_, err = Pick{Scenarios: "echo", Sizes: "65"}.Rows()
	require.Error(t, err)
	all, err := Pick{}.Rows()
	require.NoError(t, err)
	require.Len(t, all, len(Rows()))
}

func TestSmokeHasEveryChapterOnce(t *testing.T) {
	var names []string
	for _, r := range Smoke() {
		names = append(names, r.Scenario)
		require.LessOrEqual(t, r.Spec.Conns, 20)
		require.Zero(t, r.Least)
	}
	var want []string
	for _, name := range Scenarios() {
		if name != "loops" { // its load is that of echo
			want = append(want, name)
		}
	}
	require.Equal(t, want, names)
}

func TestFewPeersAreForWideRowsUnlessNamed(t *testing.T) {
	few := Peer{Few: true, Commands: Peers()[0].Commands}
	require.False(t, Row{Serve: ServeEcho}.Wants(few, false))
	require.True(t, Row{Serve: ServeEcho, Wide: true}.Wants(few, false))
	require.True(t, Row{Serve: ServeEcho}.Wants(few, true))
	require.False(t, Row{Serve: ServeUpload, Wide: true}.Wants(few, true), "it does not serve that")
	one := Peer{OneLoop: true, Commands: few.Commands}
	require.False(t, Row{Serve: ServeEcho, Wide: true, Loops: 2}.Wants(one, true))
}

// The whole takes the minutes that are promised.
func TestLength(t *testing.T) {
	all := Length(Rows(), Peers(), false, Rounds, Warmup, Duration)
	t.Log(all)
	require.Less(t, all, 22*time.Minute)
	require.Greater(t, all, 15*time.Minute, "there is time for more rounds")

	row := Row{Serve: ServeEcho, Wide: true, Least: 3 * time.Second}
	std := Peer{Commands: Peers()[0].Commands}
	one := Length([]Row{row}, []Peer{std, {}}, false, 1, time.Second/2, time.Second)
	require.InDelta(t, 3500*time.Millisecond, one, float64(time.Second/4), "a peer that does not serve it costs nothing")
	require.Equal(t, 5*one, Length([]Row{row}, []Peer{std}, false, 5, time.Second/2, time.Second))
}

func TestNarrowRowsAreForTheCore(t *testing.T) {
	p := Peer{Commands: Peers()[0].Commands}
	row := Row{Serve: ServeEcho, Narrow: true}
	require.False(t, row.Wants(p, false))
	require.True(t, row.Wants(p, true))
	p.Core = true
	require.True(t, row.Wants(p, false))
	targets := map[string]bool{}
	for _, target := range Targets() {
		for _, key := range append(target.Rows, target.Base) {
			targets[key] = true
		}
	}
	for _, r := range Rows() {
		require.False(t, r.Narrow && targets[r.Key()], "%s has a target: every peer may be the best", r.Key())
	}
}

// A proxy that can splice does where that is cheaper, and not where it is dearer.
func TestHaproxySplicesLargeMessages(t *testing.T) {
	for size, want := range map[int][]string{
		1 * kib:  {"option splice-auto"},
		16 * kib: {"option splice-request", "option splice-response", "tune.pipesize 1048576"},
		64 * mib: {"option splice-request", "option splice-response", "tune.pipesize 1048576"},
	} {
		row := Row{Serve: ServeProxy, Spec: load.Spec{Size: size}}
		config := haproxy().Command(row).Config
		for _, text := range want {
			require.Contains(t, config, "\t"+text+"\n", size)
		}
		require.Equal(t, size >= 16*kib, !strings.Contains(config, "splice-auto"))
	}
	require.Equal(t, Peers()[0].Commands[ServeEcho], Peers()[0].Command(Row{Serve: ServeEcho, Spec: load.Spec{Size: mib}}))
}

func TestPatienceIsLongerThanALap(t *testing.T) {
	small := Row{Spec: load.Spec{Size: 64, Conns: 100}}
	require.InDelta(t, patience, small.Patience(), float64(time.Second/10))
	large := Row{Spec: load.Spec{Size: 256 * kib, Conns: 10000}}
	require.Greater(t, large.Patience(), 20*time.Second)
	large.Spec.Kind = load.Slow
	require.Equal(t, patience, large.Patience())
}

func TestFromMovesAPeerWithoutTouchingTheOther(t *testing.T) {
	p := ours()[0]
	moved := p.From("/old", " (old)")
	require.Equal(t, p.Name+" (old)", moved.Name)
	require.Equal(t, "/old/echo", moved.Commands[ServeEcho].Args[0])
	require.Equal(t, "{examples}/echo", p.Commands[ServeEcho].Args[0])
}
