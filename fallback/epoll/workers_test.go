//go:build linux

package epoll

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// start gives the workers n jobs, which fail at once: a pipe has no offsets.
func start(t *testing.T, pool *workers, n int) (jobs []*job) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { r.Close(); w.Close() })
	for range n {
		j := pool.get(jobRead)
		j.file, j.buf = r, make([]byte, 1)
		jobs = append(jobs, j)
		pool.start(j)
		pool.mu.Lock()
		running := pool.running
		pool.mu.Unlock()
		require.LessOrEqual(t, running, pool.limit)
	}
	return jobs
}

// TestWorkersRun: no more helpers than allowed, each job once, and all end.
func TestWorkersRun(t *testing.T) {
	l := open(t, nil)
	var pool workers
	pool.init(2, &l.wake)
	want := map[*job]bool{}
	for _, j := range start(t, &pool, 50) {
		want[j] = true
	}
	pool.close()
	require.Zero(t, pool.running)
	require.True(t, pool.any())
	for j := pool.take(); j != nil; j = pool.take() {
		require.True(t, want[j])
		delete(want, j)
		require.Equal(t, unix.ESPIPE, j.err)
	}
	require.Empty(t, want)
	require.False(t, pool.any())
}

// TestWorkersDrop takes back what nobody has begun, from any place in the line.
func TestWorkersDrop(t *testing.T) {
	l := open(t, nil)
	var pool workers
	pool.init(0, &l.wake) // nobody begins
	jobs := start(t, &pool, 5)
	for _, i := range []int{2, 4, 0} {
		require.True(t, pool.drop(jobs[i]))
		require.False(t, pool.drop(jobs[i]))
		pool.put(jobs[i])
	}
	pool.limit = 1
	last := start(t, &pool, 1)[0]
	pool.close()
	require.Same(t, jobs[1], pool.take())
	require.Same(t, jobs[3], pool.take())
	require.Same(t, last, pool.take())
	require.Nil(t, pool.take())
}
