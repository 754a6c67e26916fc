package runtime_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// TestLastTasks: what a loop's last tasks begin has its end, too; a task that posts
// itself again is told that there is no more of it.
func TestLastTasks(t *testing.T) {
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(t, err)
	name := filepath.Join(t.TempDir(), "f")
	f, err := os.Create(name)
	require.NoError(t, err)
	defer f.Close()
	l := rt.Loops()[0]
	told, refused := make(chan error, 3), make(chan error, 1)
	var again func()
	again = func() {
		if err := l.Post(again); err != nil {
			refused <- err
		}
	}
	last := func() {
		again()
		l.Offload(func() {}, func() { told <- nil })
		l.SyncFile(f, func(err error) { told <- err })
		var chain buffers.Chain
		chain.AppendCopy(l.Pool(), []byte("last words"))
		l.WriteFile(f, 0, chain, func(_ int64, err error) { told <- err })
	}
	addr := listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler {
		return &funcs{closed: func(*runtime.Conn, error) { _ = l.Post(last) }}
	})
	dial(t, addr)
	haveConns(t, rt, 1)
	require.NoError(t, rt.Close())
	require.Len(t, told, 3)
	for range 3 {
		require.NoError(t, <-told)
	}
	require.ErrorIs(t, <-refused, runtime.ErrClosed)
	written, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "last words", string(written))
}
