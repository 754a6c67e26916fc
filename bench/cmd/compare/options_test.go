//go:build linux

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/bench/harness"
	"github.com/headrace/headrace/bench/scenario"
)

func TestFlagsThatAnOldExampleLacksAreLeftOut(t *testing.T) {
	usage := "Usage of x:\n  -addr address\n    \taddress (-slow is no flag)\n  -mode\tm\n  -v\tlog\n  -digest\n    \tsum\n"
	args := []string{"x", "-addr", "{addr}", "-slow", "0", "-v", "-sync=false", "-digest=false", "-idle", "-mode", "m"}
	kept, unknown := known(args, usage)
	require.Equal(t, []string{"x", "-addr", "{addr}", "-v", "-digest=false", "-mode", "m"}, kept)
	require.Equal(t, []string{"-slow", "-sync", "-idle"}, unknown)
	require.Equal(t, "-slow", args[3], "the arguments stay as they are")
}

func TestFlagsAreAskedOfTheProgram(t *testing.T) {
	p := scenario.Peer{Name: "old", Commands: map[string]harness.Command{
		"echo": {Args: []string{"/bin/sh", "-c", "x"}}, "hello": {Args: []string{"/nowhere/x", "-a"}}}}
	var told strings.Builder
	got := withKnownFlags(t.Context(), &told, p)
	require.Equal(t, []string{"/nowhere/x", "-a"}, got.Commands["hello"].Args, "what is not there is left as it is")
	require.Contains(t, told.String(), "old, echo: its sh has no -c")
}

func TestRows(t *testing.T) {
	names := func(args ...string) (names []string) {
		o, err := parse(args)
		require.NoError(t, err)
		rows, err := o.rows()
		require.NoError(t, err)
		for _, r := range rows {
			names = append(names, r.Key())
		}
		return names
	}
	require.Equal(t, []string{"churn/64 B × 100", "udp/64 B ×16 × 32", "udp/1200 B ×16 × 32"},
		names("-scenario", "churn,udp"), "udp has none with the usual connections")
	require.NotContains(t, names(), "echo/64 B × 8")
	require.Equal(t, []string{"echo/64 B × 8"}, names("-scenario", "echo", "-size", "64", "-conns", "8"))
}
