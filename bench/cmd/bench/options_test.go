//go:build linux

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/bench/scenario"
)

func TestOptions(t *testing.T) {
	o, err := parse([]string{"-scenario", "echo", "-size", "64", "-conns", "100", "-peers", "std,gnet",
		"-cores", "1,0", "-extra", "mine=/tmp/echo -addr {addr}", "-extra", "px@proxy=/tmp/proxy -to {to}"})
	require.NoError(t, err)
	rows, err := o.rows()
	require.NoError(t, err)
	require.Len(t, rows, 1)
	peers, err := o.selected()
	require.NoError(t, err)
	var names []string
	for _, p := range peers {
		names = append(names, p.Name)
	}
	require.Equal(t, []string{"std", "gnet", "mine", "px"}, names)
	require.Equal(t, []string{"/tmp/echo", "-addr", "{addr}"}, peers[2].Commands[scenario.ServeEcho].Args)
	require.Contains(t, peers[3].Commands, scenario.ServeProxy)
	cores, err := o.coreList()
	require.NoError(t, err)
	require.Equal(t, []int{1, 0}, cores)
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for _, args := range [][]string{{"-extra", "x"}, {"-extra", "=x"}, {"surplus"}, {"-rounds", "x"},
		{"-rounds", "0"}, {"-duration", "0s"}} {
		_, err := parse(args)
		require.Error(t, err, args)
	}
	o, err := parse([]string{"-peers", "nobody", "-scenario", "echo", "-size", "1", "-cores", "x"})
	require.NoError(t, err)
	_, err = o.selected()
	require.ErrorContains(t, err, "nobody")
	_, err = o.rows()
	require.Error(t, err)
	_, err = o.coreList()
	require.Error(t, err)
}
