package runtime_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

// smallQueue is what the kernel may hold for each slow peer: what does not fit is the
// runtime's to bear.
const smallQueue = 16 << 10

// slowHandlers serve size bytes to slow peers, from memory and from a file. They count
// how often a source had to wait.
func slowHandlers(t *testing.T, size int64, paused *atomic.Int64) map[string]runtime.AcceptFunc {
	f := patternFile(t, size)
	return map[string]runtime.AcceptFunc{
		"memory": func(c *runtime.Conn) runtime.Handler {
			_ = c.SetOption(driver.WriteBuffer, smallQueue)
			return &pausedSource{source{from: pattern(size), buf: make([]byte, 4<<10)}, paused}
		},
		"file": func(c *runtime.Conn) runtime.Handler {
			_ = c.SetOption(driver.WriteBuffer, smallQueue)
			return &funcs{open: func(c *runtime.Conn) {
				_ = c.SendFile(f, 0, -1, nil)
				c.Close()
			}}
		},
	}
}

// pausedSource is a source that counts how often it had to wait.
type pausedSource struct {
	source
	paused *atomic.Int64
}

func (s *pausedSource) Drained(c *runtime.Conn) {
	s.paused.Add(1)
	s.source.Drained(c)
}

// wasSlow checks that the peers of a test were what it is about: sources waited, and
// for each peer some sends were cut short by a socket that was full, where the engine can
// see that.
func wasSlow(t *testing.T, rt *runtime.Runtime, peers int, paused *atomic.Int64) {
	t.Helper()
	require.Greater(t, paused.Load(), int64(peers/2))
	if rt.Backend() != runtime.Portable {
		require.Greater(t, rt.Stats().Total().Engine.ShortSends, uint64(2*peers))
	}
}

// readInSteps reads size bytes through a small window, with a pause after each step.
func readInSteps(addr string, step int, size int64, want []byte, pause func(n int64)) error {
	d := net.Dialer{Control: smallWindow}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(2 * watchdog)); err != nil {
		return err
	}
	sum, buf := sha256.New(), make([]byte, step)
	for n := int64(0); ; pause(n) {
		k, err := c.Read(buf)
		sum.Write(buf[:k])
		n += int64(k)
		if err == io.EOF && n == size && bytes.Equal(sum.Sum(nil), want) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after %d bytes of %d, or other ones: %w", n, size, err)
		}
	}
}
