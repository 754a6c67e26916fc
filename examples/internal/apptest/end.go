package apptest

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Pass runs the example, which is to end by itself and in order, and returns what it said.
func Pass(t *testing.T, args ...string) string {
	t.Helper()
	out, err := toEnd(t, args)
	require.NoError(t, err, "%s", out)
	return out
}

// Fail runs the example with arguments that can not work and returns what it said.
func Fail(t *testing.T, args ...string) string {
	t.Helper()
	out, err := toEnd(t, args)
	require.Error(t, err, "%s", out)
	require.NotContains(t, out, "goroutine ", "a panic is no message")
	if !strings.Contains(out, "Usage of ") { // which a wrong flag brings
		require.Equal(t, 1, strings.Count(out, "\n"), "one line: %s", out)
	}
	return out
}

func toEnd(t *testing.T, args []string) (string, error) {
	t.Helper()
	binary, err := Build()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), watchdog)
	defer cancel()
	out, err := exec.CommandContext(ctx, binary, args...).CombinedOutput()
	require.NoError(t, ctx.Err(), "it runs: %s", out)
	return string(out), err
}

// CommonMistakes has the example refuse what all with the common flags do.
func CommonMistakes(t *testing.T) {
	t.Helper()
	for want, args := range map[string][]string{
		`unexpected argument "folder"`:               {"folder"},
		`unexpected argument "behind"`:               {"-v", "behind", "-loops", "1"},
		"-drain is -1s, and can not be negative":     {"-drain", "-1s"},
		"-busy-poll is -1s, and can not be negative": {"-busy-poll", "-1s"},
		"-stall is -1ms, and can not be negative":    {"-stall", "-1ms"},
		"unix: wants a path":                         {"-addr", "unix:"},
		"-loops is 0, and must be at least 1":        {"-loops", "0"},
		`invalid value "soon" for flag -drain`:       {"-drain", "soon"},
	} {
		require.Contains(t, Fail(t, args...), want)
	}
}
