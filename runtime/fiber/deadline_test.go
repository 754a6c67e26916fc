package fiber_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/fiber"
)

// moved is what a call of a fiber returned.
type moved struct {
	n   int64
	err error
}

// isTimeout: every identity that a deadline's error has in package net.
func isTimeout(t *testing.T, err error, op, network string) {
	t.Helper()
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	var ne net.Error
	require.ErrorAs(t, err, &ne)
	require.True(t, ne.Timeout())
	var oe *net.OpError
	require.ErrorAs(t, err, &oe)
	require.Equal(t, op, oe.Op)
	require.Equal(t, network, oe.Net)
}

// more than the sockets of both sides hold
const tooMuch = 64 << 20

// TestWriteDeadline: the calls that wait for a peer end with the deadline, tell how
// much the kernel took, and the peer gets no more than that.
func TestWriteDeadline(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NoError(t, os.Truncate(file, tooMuch)) // sparse
	open := func(f func(*os.File) (int64, error)) (int64, error) {
		src, err := os.Open(file)
		if err != nil {
			return 0, err
		}
		defer src.Close()
		return f(src)
	}
	for name, write := range map[string]func(c *fiber.Conn) (int64, error){
		"small": func(c *fiber.Conn) (int64, error) {
			p := make([]byte, 32<<10)
			for sum := int64(0); ; {
				n, err := c.Write(p)
				if sum += int64(n); err != nil {
					return sum, err
				}
			}
		},
		"large": func(c *fiber.Conn) (int64, error) {
			n, err := c.Write(make([]byte, tooMuch))
			return int64(n), err
		},
		"flush": func(c *fiber.Conn) (int64, error) {
			if _, err := c.Conn().Write(make([]byte, tooMuch/2)); err != nil { // does not wait
				return 0, err
			}
			return 0, c.Flush()
		},
		"file": func(c *fiber.Conn) (int64, error) {
			return open(func(f *os.File) (int64, error) { return c.SendFile([]byte("head"), f, 0, -1) })
		},
		"copy": func(c *fiber.Conn) (int64, error) {
			return open(func(f *os.File) (int64, error) { return io.Copy(c, f) })
		},
		"copy limited": func(c *fiber.Conn) (int64, error) {
			return open(func(f *os.File) (int64, error) { return io.CopyN(c, f, tooMuch/2) })
		},
		"copy memory": func(c *fiber.Conn) (int64, error) {
			return io.Copy(c, bytes.NewReader(make([]byte, tooMuch)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan moved, 1)
			addr := serve(t, newRuntime(t), func(c *fiber.Conn) error {
				if err := c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
					return err
				}
				n, err := write(c)
				ended <- moved{n, err}
				return err
			})
			client := dial(t, addr)
			got := <-ended
			isTimeout(t, got.err, "write", "tcp")
			require.Less(t, got.n, int64(tooMuch))
			if name == "small" || name == "copy memory" || name == "flush" {
				return // what the runtime took counts
			}
			read, _ := io.Copy(io.Discard, client)
			require.LessOrEqual(t, read, got.n+int64(len("head")))
		})
	}
}

// TestReadDeadlineOfReadFull: a ReadFull that the deadline ends tells how much came,
// of large ones, too, and the next one goes on behind it.
func TestReadDeadlineOfReadFull(t *testing.T) {
	const part = 100 << 10
	for _, size := range []int{100, 300 << 10, 6 << 20} {
		for _, first := range []int{0, 10, min(part, size-1)} {
			t.Run(fmt.Sprintf("%d of %d", first, size), func(t *testing.T) {
				ended := make(chan moved, 1)
				addr := serve(t, newRuntime(t), func(c *fiber.Conn) error {
					buf := make([]byte, size)
					n := 0
					var err error
					// What was sent may come late: until it is here.
					for n < first || err == nil {
						_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
						var k int
						k, err = c.ReadFull(buf[n:])
						n += k
						if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
							return err
						}
					}
					ended <- moved{int64(n), err}
					_ = c.SetReadDeadline(time.Now().Add(-time.Second))
					if k, err := c.ReadFull(buf[n:]); k != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
						return fmt.Errorf("in the past: %d, %w", k, err)
					}
					_ = c.SetReadDeadline(time.Time{})
					if _, err := c.ReadFull(buf[n:]); err != nil {
						return err
					}
					_, err = c.Write(buf)
					return err
				})
				data := randomBytes(size)
				client := dial(t, addr)
				_, err := client.Write(data[:first])
				require.NoError(t, err)
				got := <-ended
				isTimeout(t, got.err, "read", "tcp")
				require.EqualValues(t, first, got.n)
				go func() { _, _ = client.Write(data[first:]) }()
				back, err := io.ReadAll(client)
				require.NoError(t, err)
				require.True(t, bytes.Equal(data, back))
			})
		}
	}
}

// TestErrorsOfUnixSockets name the network.
func TestErrorsOfUnixSockets(t *testing.T) {
	rt := newRuntime(t)
	ended := make(chan error, 1)
	accept := fiber.Serve(func(c *fiber.Conn) error {
		_ = c.SetReadDeadline(time.Now().Add(-time.Second))
		_, err := c.Read(make([]byte, 1))
		ended <- err
		return nil
	})
	ln, err := rt.Listen(context.Background(), "unix", filepath.Join(t.TempDir(), "s"), accept)
	require.NoError(t, err)
	defer ln.Close()
	client, err := net.Dial("unix", ln.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	isTimeout(t, <-ended, "read", "unix")
}
