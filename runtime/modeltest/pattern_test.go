package modeltest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// period is the length of the stream that every end sends from a start of its own.
const period = 1 << 20

// pattern is two periods, so that any part up to a period is one slice of it.
var pattern = func() []byte {
	var seed [32]byte
	p := make([]byte, period)
	_, _ = rand.NewChaCha8(seed).Read(p)
	return append(p, p...)
}()

// stream is a position in what an end sends.
type stream struct{ start, off int64 }

func (s *stream) at() int64 { return (s.start + s.off) % period }

// next returns the next n bytes, at most a period, and goes on behind them.
func (s *stream) next(n int) []byte {
	i := s.at()
	s.off += int64(n)
	return pattern[i : i+int64(n)]
}

// check goes on behind p if it is what comes next.
func (s *stream) check(p []byte) error {
	for len(p) > 0 {
		n := min(len(p), period)
		off := s.off
		if !bytes.Equal(s.next(n), p[:n]) {
			return fmt.Errorf("wrong bytes among the %d from %d on", n, off)
		}
		p = p[n:]
	}
	return nil
}

// patternFile is a file of the first n bytes of the pattern.
func patternFile(t *testing.T, n int) *os.File {
	name := filepath.Join(t.TempDir(), "pattern")
	require.NoError(t, os.WriteFile(name, pattern[:n], 0o600))
	f, err := os.Open(name)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// emptyFile is a file to receive into.
func emptyFile(t *testing.T) *os.File {
	f, err := os.Create(filepath.Join(t.TempDir(), "sink"))
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}
