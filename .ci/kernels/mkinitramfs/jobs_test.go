package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseJobs(t *testing.T) {
	specs, err := parseJobs(strings.NewReader(`
# a comment
test ./ring
cmd A=b timeout=2m ./ring/cmd/ringprobe -json -x=1 # and why
`))
	require.NoError(t, err)
	require.Equal(t, []spec{
		{kind: "test", name: "ring.test", pkg: "./ring", args: []string{}, timeout: defaultTimeout},
		{
			kind: "cmd", name: "ringprobe", pkg: "./ring/cmd/ringprobe", args: []string{"-json", "-x=1"},
			env: []string{"A=b"}, timeout: 2 * time.Minute,
		},
	}, specs)
}

func TestParseJobsRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"bench ./ring":           "neither test nor cmd",
		"test":                   "no package",
		"test A=b":               "no package",
		"test ring":              "neither NAME=VALUE",
		"test timeout=soon ./a":  "not a duration",
		"test timeout=-1s ./a":   "not a duration",
		"\n\ntest timeout= ./a ": "line 3",
		"test name=a/b ./a":      "letters, digits",
		"test ./a\n\ntest ./a":   "line 3: a job named a.test is in line 1",
	} {
		_, err := parseJobs(strings.NewReader(text))
		require.ErrorContains(t, err, want, text)
	}
}

func TestDefaultNames(t *testing.T) {
	for _, tt := range []struct{ kind, pkg, want string }{
		{"test", "./ring", "ring.test"},
		{"test", "./runtime/driver/", "runtime-driver.test"},
		{"test", "./.ci/kernels/boot", "ci-kernels-boot.test"},
		{"cmd", "./ring/cmd/ringprobe", "ringprobe"},
	} {
		require.Equal(t, tt.want, defaultName(tt.kind, tt.pkg))
	}
}
