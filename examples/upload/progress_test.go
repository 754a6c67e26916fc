package main

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := &progress{out: &out}
	u := &upload{name: "f", total: 4 << 20, got: 1 << 20, began: time.Now()}
	p.show(u)
	p.end(u)
	require.Empty(t, out.String(), "it does not take long")

	u.began = u.began.Add(-time.Minute)
	p.show(u)
	require.Contains(t, out.String(), "f: 25% of 4.0 MiB, 0.0 MiB/s")
	out.Reset()
	p.show(u)
	require.Empty(t, out.String(), "too soon")
	p.end(u)
	require.Contains(t, out.String(), "f: 1048576 bytes in 1m0s\n")

	out.Reset()
	u = &upload{name: "g", total: -1, got: 3 << 20, began: time.Now().Add(-3 * time.Second)}
	p.show(u)
	require.Contains(t, out.String(), "g: 3.0 MiB, 1.0 MiB/s")
}

// TestNoTerminal: what is not a terminal is not written to.
func TestNoTerminal(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "log")
	require.NoError(t, err)
	defer f.Close()
	require.Nil(t, newProgress(f).out)
}

func TestParseRange(t *testing.T) {
	first, end, total, ok := parseRange("bytes 5-9/10")
	require.Equal(t, []any{int64(5), int64(10), int64(10), true}, []any{first, end, total, ok})
	for _, bad := range []string{
		"", "bytes", "bytes 1-2", "bytes 2-1/3", "bytes -1/3", "bytes 1-3/3", "bytes */3", "5-9/10",
		"bytes 0-9223372036854775807/9223372036854775807", "bytes 1-2/*",
	} {
		_, _, _, ok := parseRange(bad)
		require.False(t, ok, bad)
	}
}
