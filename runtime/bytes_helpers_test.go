package runtime_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"io"
	mathrand "math/rand/v2"
	"os"
	goruntime "runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
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

// memoryCap is what one transfer may take of the process, however large it is.
const memoryCap = 8 << 20

// mapped is how much pooled memory the runtime has.
func mapped(rt *runtime.Runtime) int64 {
	var n int64
	for _, l := range rt.Stats().Loops {
		n += l.Pool.Mapped
	}
	return n
}

// pattern is n bytes of pseudo-random data as a stream, the same each time: tests
// of large transfers hold none of them whole.
func pattern(n int64) io.Reader {
	return io.LimitReader(mathrand.NewChaCha8([32]byte{1}), n)
}

// writePattern writes the pattern and returns its hash.
func writePattern(w io.Writer, n int64) []byte {
	hash := sha256.New()
	_, _ = io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(w, hash)}, pattern(n), make([]byte, 64<<10))
	return hash.Sum(nil)
}

// hashPattern is the hash of the pattern.
func hashPattern(n int64) []byte { return writePattern(io.Discard, n) }

// hashAll reads to the end and returns the hash and the number of bytes.
func hashAll(r io.Reader) ([]byte, int64) {
	hash := sha256.New()
	n, _ := io.CopyBuffer(struct{ io.Writer }{hash}, struct{ io.Reader }{r}, make([]byte, 64<<10))
	return hash.Sum(nil), n
}

// relayTo relays each connection to address.
func relayTo(address string, results chan<- *runtime.RelayResult) runtime.AcceptFunc {
	return func(a *runtime.Conn) runtime.Handler {
		return &funcs{
			open: func(a *runtime.Conn) {
				a.Loop().Dial(context.Background(), "tcp", address, func(_ *runtime.Conn, err error) runtime.Handler {
					if err != nil {
						a.Abort(err)
						return nil
					}
					return &funcs{open: func(b *runtime.Conn) {
						runtime.Relay(a, b, 0, func(res *runtime.RelayResult) { results <- res })
					}}
				})
			},
			eof: func(*runtime.Conn) {},
		}
	}
}

// growth begins to watch this process, and the function it returns tells by how much
// it grew since at the most, and how much the Go heap was given meanwhile. The peak is
// that of the resident pages where the system tells and the race detector has none,
// else it is what the Go heap has kept.
func growth() func() (most, allocated int64) {
	debug.FreeOSMemory()
	var before goruntime.MemStats
	goruntime.ReadMemStats(&before)
	kernel := !raceEnabled && os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) == nil
	resident := procStatus("VmRSS:")
	return func() (int64, int64) {
		peak := procStatus("VmHWM:")
		var after goruntime.MemStats
		goruntime.ReadMemStats(&after)
		allocated := int64(after.TotalAlloc - before.TotalAlloc)
		if kernel {
			return peak - resident, allocated
		}
		goruntime.GC()
		goruntime.ReadMemStats(&after)
		return int64(after.HeapAlloc) - int64(before.HeapAlloc), allocated
	}
}

// procStatus is a field of /proc/self/status in bytes, 0 where there is none.
func procStatus(field string) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field); ok {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return n << 10
		}
	}
	return 0
}
