package main

import (
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProgress(t *testing.T) {
	p := &progress{lines: make(chan string, 1)}
	line := func() string {
		select {
		case s := <-p.lines:
			return s
		default:
			return ""
		}
	}
	u := &upload{name: "f", total: 4 << 20, got: 1 << 20, began: time.Now()}
	p.show(u)
	p.end(u)
	require.Empty(t, line(), "it does not take long")

	u.began = u.began.Add(-time.Minute)
	p.show(u)
	require.Contains(t, line(), "f: 25% of 4.0 MiB, 0.0 MiB/s")
	p.show(u)
	require.Empty(t, line(), "too soon")
	p.end(u)
	require.Contains(t, line(), "f: 1048576 bytes in 1m0s\n")

	u = &upload{name: "g", total: -1, got: 3 << 20, began: time.Now().Add(-3 * time.Second)}
	p.show(u)
	require.Contains(t, line(), "g: 3.0 MiB, 1.0 MiB/s")
}

// TestNoTerminal: what is not a terminal is not written to.
func TestNoTerminal(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "log")
	require.NoError(t, err)
	defer f.Close()
	require.Nil(t, newProgress(f).lines)
}

// TestStoppedTerminal: a terminal that takes nothing (Ctrl-S) holds nobody up, and
// shows what there is then when it goes on.
func TestStoppedTerminal(t *testing.T) {
	r, w := io.Pipe()
	p := progressTo(w)
	t.Cleanup(func() { close(p.lines) })
	u := &upload{name: "f", total: 4 << 20, began: time.Now().Add(-time.Minute)}
	for range 1000 {
		u.shown = time.Time{}
		p.show(u) // would wait for ever
	}
	p.end(u)
	buf := make([]byte, 100)
	n, err := r.Read(buf)
	require.NoError(t, err)
	require.Contains(t, string(buf[:n]), "f: 0% of 4.0 MiB")
	require.NoError(t, r.Close())
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
