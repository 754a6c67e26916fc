package runtime_test

import (
	"crypto/rand"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tick is how often a test looks whether what it waits for is there.
const tick = time.Millisecond

func randomBytes(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.Read(p)
	return p
}

// atomicCounter counts what is written to it.
type atomicCounter struct{ n atomic.Int64 }

func (c *atomicCounter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

// failingWriter returns its error, or panics if that is nil.
type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) {
	if w.err == nil {
		panic("as asked")
	}
	return 0, w.err
}

// devNull is a file that takes everything.
func devNull(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}
