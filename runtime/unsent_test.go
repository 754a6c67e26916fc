package runtime_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// openFile makes a file of so many zeros, and opens it.
func openFile(t *testing.T, size int64) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	require.NoError(t, f.Truncate(size))
	return f
}

// TestUnsentLimit: what may wait to be sent is bounded, wherever in the queue it is.
func TestUnsentLimit(t *testing.T) {
	const piece, high, most = 100 << 10, 256 << 10, 1 << 20
	file := openFile(t, 1<<20)
	ignore := func(int64, error) {}
	for name, first := range map[string]func(c *runtime.Conn) error{
		"alone":         func(*runtime.Conn) error { return nil },
		"behind a file": func(c *runtime.Conn) error { return c.SendFile(file, 0, -1, ignore) },
		"behind AfterSent": func(c *runtime.Conn) error {
			_, err := c.WriteString("x")
			c.AfterSent(func(error) {})
			return err
		},
		"between files": func(c *runtime.Conn) error {
			for range 5 {
				if err := c.SendFile(file, 0, -1, ignore); err != nil {
					return err
				}
				if _, err := c.Write(make([]byte, high/5)); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			rt := newRuntime(t, &runtime.Config{Loops: 1, UnsentHigh: high, UnsentMax: most})
			type outcome struct {
				early bool // full before there was enough
				full  bool
				wrote int
				err   error
			}
			got := make(chan outcome, 1)
			addr, ended := serveFuncs(t, rt, funcs{data: func(c *runtime.Conn, _ *buffers.Chain) {
				var o outcome
				if o.err = first(c); o.err == nil {
					o.early = c.Full()
					for o.err == nil && o.wrote < 3*most {
						o.full = c.Full()
						_, o.err = c.Write(make([]byte, piece))
						o.wrote += piece
					}
				}
				got <- o
			}})
			_, err := dial(t, addr).Write([]byte("x"))
			require.NoError(t, err)
			o := receive(t, got)
			require.ErrorIs(t, o.err, runtime.ErrUnsentLimit)
			require.False(t, o.early)
			require.True(t, o.full, "long before it was too much")
			require.Less(t, o.wrote, most+2*piece)
			require.ErrorIs(t, receive(t, ended), runtime.ErrUnsentLimit)
		})
	}
}

// TestEntriesLimit: files and marks that wait are counted, since each holds a little
// memory whatever it sends.
func TestEntriesLimit(t *testing.T) {
	const sane, much = 100, 100_000
	file := openFile(t, 1<<20)
	type outcome struct{ queued, fullAt, done, good int }
	for name, queue := range map[string]func(c *runtime.Conn, done func(error)) error{
		"files": func(c *runtime.Conn, done func(error)) error {
			return c.SendFile(file, 0, 1<<20, func(_ int64, err error) { done(err) })
		},
		"marks": func(c *runtime.Conn, done func(error)) error {
			c.AfterSent(done)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			rt := newRuntime(t, &runtime.Config{Loops: 1})
			var o outcome // the loop's
			addr, ended := serveFuncs(t, rt, funcs{data: func(c *runtime.Conn, _ *buffers.Chain) {
				for !c.Closing() && o.queued < much {
					err := queue(c, func(err error) {
						if o.done++; err == nil {
							o.good++
						}
					})
					if err != nil {
						break
					}
					if o.queued++; c.Full() && o.fullAt == 0 {
						o.fullAt = o.queued
					}
				}
			}})
			_, err := dial(t, addr).Write([]byte("x"))
			require.NoError(t, err)
			require.ErrorIs(t, receive(t, ended), runtime.ErrUnsentLimit)
			require.NoError(t, rt.Loops()[0].Call(func() {
				require.Greater(t, o.fullAt, sane)
				require.Greater(t, o.queued, 2*o.fullAt)
				require.Less(t, o.queued, much)
				require.Equal(t, o.queued, o.done, "each is told its end")
				require.Zero(t, o.good)
			}))
		})
	}
}

// draining is funcs with Drained.
type draining struct {
	funcs
	drained func(c *runtime.Conn)
}

func (d *draining) Drained(c *runtime.Conn) { d.drained(c) }

// TestDrainedBehindFiles: a queue that is full of what waits behind files, or of
// many entries, says so once it is not any more.
func TestDrainedBehindFiles(t *testing.T) {
	file := openFile(t, 2<<20)
	for name, fill := range map[string]func(c *runtime.Conn) int{
		"memory behind a file": func(c *runtime.Conn) int {
			_ = c.SendFile(file, 0, -1, nil)
			_, _ = c.Write(make([]byte, 600<<10))
			return 2<<20 + 600<<10
		},
		"files": func(c *runtime.Conn) int {
			for range 300 {
				_ = c.SendFile(file, 0, 100<<10, nil)
			}
			return 300 * 100 << 10
		},
		"marks": func(c *runtime.Conn) int {
			_, _ = c.WriteString("x")
			for range 300 {
				c.AfterSent(func(error) {})
			}
			return 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			rt := newRuntime(t, &runtime.Config{Loops: 1})
			full, drained := make(chan bool, 1), make(chan bool, 2)
			size := make(chan int, 1)
			addr := listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler {
				return &draining{
					funcs: funcs{data: func(c *runtime.Conn, in *buffers.Chain) {
						in.Release()
						size <- fill(c)
						full <- c.Full()
					}},
					drained: func(c *runtime.Conn) {
						drained <- !c.Full()
						c.Close()
					},
				}
			})
			c := dial(t, addr)
			_, err := c.Write([]byte("x"))
			require.NoError(t, err)
			require.True(t, receive(t, full))
			n, err := io.Copy(io.Discard, c)
			require.NoError(t, err)
			require.EqualValues(t, receive(t, size), n)
			require.True(t, receive(t, drained))
			require.Empty(t, drained)
		})
	}
}
