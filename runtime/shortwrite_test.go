package runtime_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

// refusing answers every write to a file after the first few with no bytes and no
// error, as some file systems do.
type refusing struct {
	driver.Engine
	allow int
	due   []*driver.Op
}

func (e *refusing) Submit(op *driver.Op) {
	if op.Code == driver.WriteAt {
		if e.allow--; e.allow < 0 {
			e.due = append(e.due, op)
			return
		}
	}
	e.Engine.Submit(op)
}

func (e *refusing) Poll(wait time.Duration) (int, error) {
	if len(e.due) > 0 {
		wait = 0
	}
	n, err := e.Engine.Poll(wait)
	due := e.due
	e.due = nil
	for _, op := range due {
		op.Owner.Complete(op, &driver.Result{})
	}
	return n + len(due), err
}

// TestShortWrite: a write that gets nothing to disk is an error, and no byte counts
// that is not in the file.
func TestShortWrite(t *testing.T) {
	const size = 8 << 20 // more than a few writes: what waits for one is bounded
	for _, allow := range []int{0, 1, 3} {
		rt := newRuntime(t, &runtime.Config{Loops: 1, WrapEngine: func(open driver.Open) driver.Open {
			return func(cfg *driver.Config) (driver.Engine, error) {
				e, err := open(cfg)
				return &refusing{Engine: e, allow: allow}, err
			}
		}})
		f, ends := newFile(t), make(chan outcome, 1)
		addr, _ := serveFuncs(t, rt, funcs{
			open: func(c *runtime.Conn) {
				c.RecvToFile(f, 0, size, nil, func(n int64, err error) { ends <- outcome{n, err} })
			},
			data: func(c *runtime.Conn, _ *buffers.Chain) { c.Close() },
		})
		c := dial(t, addr)
		sent := randomBytes(size)
		_, _ = c.Write(sent) // to the end, or until the connection is gone
		end := receive(t, ends)
		require.ErrorIs(t, end.err, io.ErrShortWrite)
		var path *os.PathError
		require.True(t, errors.As(end.err, &path) && path.Path == f.Name(), end.err)
		got := contents(t, f)
		require.EqualValues(t, len(got), end.n)
		require.Equal(t, allow > 0, end.n > 0)
		require.True(t, bytes.Equal(sent[:end.n], got))
		require.NoError(t, c.Close())
	}
}
