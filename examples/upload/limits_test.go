package main

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/examples/internal/apptest"
)

// TestNoLimits: zero is for ever, for small files, large ones and those in chunks.
func TestNoLimits(t *testing.T) {
	s := start(t, "-idle", "0", "-slow", "0", "-rate", "1000000000000")
	for name, size := range map[string]int64{"small": 1000, "large": 1 << 20, "chunks": 1 << 20} {
		body := pattern(size)
		if name == "chunks" {
			body = io.MultiReader(body) // of no known size
		}
		res, _ := s.do(t, http.MethodPut, name, body)
		require.Equal(t, http.StatusCreated, res.StatusCode)
		require.Equal(t, patternSum(size), fileSum(t, s.path(name)))
	}
	s.Stop()
}

// TestRate: who is slower than the server waits is told once -slow has passed, which zero never does.
func TestRate(t *testing.T) {
	for _, test := range []struct {
		slow time.Duration
		rate int64
		want error
	}{
		{time.Minute, 1 << 10, errTooSlow}, {time.Minute, 0, nil}, {2 * time.Hour, 1 << 10, nil}, {0, 1 << 10, nil},
	} {
		u := &upload{began: time.Now().Add(-time.Hour), slow: test.slow, rate: test.rate, progress: &progress{}}
		_, err := u.Write([]byte("x"))
		require.Equal(t, test.want, err, "%v at %d", test.slow, test.rate)
	}
}

// TestReadme: it tells of all flags.
func TestReadme(t *testing.T) { apptest.Documented(t) }
