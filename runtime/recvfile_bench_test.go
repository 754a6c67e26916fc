//go:build unix

package runtime_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
)

// BenchmarkRecvToFile receives a file, with different amounts collected before a
// write. HEADRACE_BACKEND chooses the engine.
func BenchmarkRecvToFile(b *testing.B) {
	const size = 64 << 20
	for _, least := range []int{1, 16 << 10, 64 << 10, 256 << 10} {
		b.Run(fmt.Sprintf("least=%d", least), func(b *testing.B) {
			rt, err := runtime.New(&runtime.Config{Loops: 1, Sizes: runtime.Sizes{FileWrite: least}})
			require.NoError(b, err)
			defer rt.Close()
			f, err := os.Create(filepath.Join(b.TempDir(), "file"))
			require.NoError(b, err)
			defer f.Close()
			done := make(chan error, 1)
			ln, err := rt.Listen(context.Background(), "tcp", "127.0.0.1:0", func(*runtime.Conn) runtime.Handler {
				return &funcs{open: func(c *runtime.Conn) {
					c.RecvToFile(f, 0, size, nil, func(_ int64, err error) {
						done <- err
						c.Close()
					})
				}}
			})
			require.NoError(b, err)
			defer ln.Close()
			block := make([]byte, 1<<20)
			b.SetBytes(size)
			began := processCPU(b)
			for b.Loop() {
				c, err := net.Dial("tcp", ln.Addr().String())
				require.NoError(b, err)
				for range size / len(block) {
					_, err = c.Write(block)
					require.NoError(b, err)
				}
				require.NoError(b, <-done)
				_, _ = io.Copy(io.Discard, c)
				c.Close()
			}
			b.ReportMetric(float64(rt.Stats().Total().Paths.FileWrites)/float64(b.N), "writes/op")
			b.ReportMetric((processCPU(b)-began).Seconds()*1e3/float64(b.N), "ms-cpu/op")
		})
	}
}

// processCPU is the CPU time of this process, sender and receiver.
func processCPU(tb testing.TB) time.Duration {
	var u syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
