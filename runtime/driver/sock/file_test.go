//go:build linux

package sock

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// file makes one that is in the page cache, since it was written just now.
func file(t *testing.T, size int) (*os.File, []byte) {
	t.Helper()
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	name := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(name, data, 0o600))
	f, err := os.Open(name)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f, data
}

func TestReadNow(t *testing.T) {
	f, data := file(t, 10_000)
	p := make([]byte, 4000)
	n, err := ReadNow(f, p, 5000)
	require.NoError(t, err)
	require.Equal(t, data[5000:9000], p[:n])
	n, err = ReadNow(f, p, 9000)
	require.NoError(t, err)
	require.Equal(t, data[9000:], p[:n])
	for _, off := range []int64{10_000, 20_000, 1 << 40} {
		n, err = ReadNow(f, p, off)
		require.Equal(t, io.EOF, err)
		require.Zero(t, n)
	}
	n, err = ReadNow(f, nil, 0)
	require.NoError(t, err)
	require.Zero(t, n)
	_, err = ReadNow(f, p, -1)
	require.Equal(t, unix.EINVAL, err)
	require.NoError(t, f.Close())
	_, err = ReadNow(f, p, 0)
	require.Equal(t, unix.EBADF, err)
}

func TestReadNowMemory(t *testing.T) {
	if _, err := os.Stat("/dev/shm"); err != nil {
		t.Skip("no tmpfs here")
	}
	f, err := os.CreateTemp("/dev/shm", "headrace-*")
	require.NoError(t, err)
	defer os.Remove(f.Name())
	defer f.Close()
	_, err = f.Write(make([]byte, 9000))
	require.NoError(t, err)
	n, err := ReadNow(f, make([]byte, 10_000), 0)
	require.NoError(t, err)
	require.Equal(t, 9000, n)
	require.True(t, Cached(f, 0, 9000))
	require.True(t, Cached(f, 0, 90_000))
}

func TestReadNowPipe(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	_, err = ReadNow(r, make([]byte, 1), 0)
	require.Error(t, err)
	require.False(t, Cached(r, 0, 1))
}

func TestCached(t *testing.T) {
	const size = 100_000
	f, _ := file(t, size)
	for _, tt := range []struct {
		off, n int64
		want   bool
	}{
		{0, size, true}, {0, 1, true}, {size - 1, 1, true}, {5000, 50_000, true},
		{0, size + 1, true}, {0, 1 << 40, true}, {size, 1, true}, {size + 5, 1 << 20, true}, // as far as there is
		{7, 0, true}, {-1, 10, false}, {0, -1, false},
	} {
		require.Equal(t, tt.want, Cached(f, tt.off, tt.n), "%d bytes from %d", tt.n, tt.off)
	}
	require.NoError(t, f.Close())
	require.False(t, Cached(f, 0, 1))
}

// TestCachedCold throws the file out of the page cache, where it lets us. It does
// so before each question, because asking starts readahead.
func TestCachedCold(t *testing.T) {
	f, data := file(t, 1<<20)
	require.NoError(t, f.Sync())
	chill(t, f)
	require.False(t, Cached(f, 0, 1<<20))
	chill(t, f)
	p := make([]byte, 100)
	n, err := ReadNow(f, p, 1<<19)
	if err == nil { // the device was faster than the call
		require.Equal(t, data[1<<19:1<<19+n], p[:n])
	} else {
		require.Equal(t, unix.EAGAIN, err)
		require.Zero(t, n)
	}
	chill(t, f)
	_, err = f.ReadAt(make([]byte, 1), 1<<20-1)
	require.NoError(t, err)
	require.False(t, Cached(f, 0, 1<<20), "the last byte alone is there")
	got, err := io.ReadAll(f)
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, got))
	require.True(t, Cached(f, 0, 1<<20))
}

// TestWarm: a large piece answers for what comes behind it, a small one for itself, and
// neither for what it did not ask for, nor for long.
func TestWarm(t *testing.T) {
	const size = 2*warmWindow + 5000
	f, _ := file(t, size)
	require.NoError(t, f.Sync())
	var w Warm
	_, err := io.Copy(io.Discard, f)
	require.NoError(t, err)
	for _, at := range []struct{ off, n int64 }{
		{0, 100}, {100, warmLarge}, {warmWindow - 10, warmLarge}, {2 * warmWindow, warmLarge}, {size - 1, 1},
		{math.MaxInt64 - warmLarge, warmLarge},
	} {
		require.True(t, w.Cached(f, at.off, at.n), "%v", at)
	}
	require.False(t, w.Cached(f, -1, warmLarge))

	w = Warm{}
	chill(t, f)
	require.False(t, w.Cached(f, 0, warmLarge))
	_, err = f.ReadAt(make([]byte, warmLarge), 0)
	require.NoError(t, err)
	require.True(t, w.Cached(f, 0, warmLarge), "the window is not there, the piece is")
	require.False(t, w.Cached(f, warmWindow, warmWindow))
	chill(t, f)
	require.Eventually(t, func() bool {
		_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) // asking starts readahead
		return !w.Cached(f, 0, warmLarge)
	}, time.Minute, time.Millisecond)
}

func chill(t *testing.T, f *os.File) {
	t.Helper()
	require.NoError(t, unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED))
	var stat unix.Cachestat_t
	err := unix.Cachestat(uint(f.Fd()), &unix.CachestatRange{}, &stat, 0)
	if err != nil || stat.Cache != 0 {
		t.Skip("can not empty the page cache, or not see that it is empty:", err, stat.Cache)
	}
}

func TestSendfile(t *testing.T) {
	f, data := file(t, 10_000)
	fd, peer := pair(t)
	n, err := Sendfile(fd, f, 100, 5000)
	require.NoError(t, err)
	require.Equal(t, 5000, n)
	n, err = Sendfile(fd, f, 9990, 5000)
	require.NoError(t, err)
	require.Equal(t, 10, n)
	n, err = Sendfile(fd, f, 10_000, 1)
	require.NoError(t, err)
	require.Zero(t, n)
	pos, err := f.Seek(0, io.SeekCurrent)
	require.NoError(t, err)
	require.Zero(t, pos, "the file's own position stays")
	require.NoError(t, unix.Close(fd))
	got, err := io.ReadAll(peer)
	require.NoError(t, err)
	require.Equal(t, append(data[100:5100:5100], data[9990:]...), got)
	n, err = Sendfile(-1, f, 0, 1)
	require.Equal(t, unix.EBADF, err)
	require.Zero(t, n)
}

func TestFileCallsDoNotAllocate(t *testing.T) {
	f, _ := file(t, 100_000)
	p := make([]byte, 4096)
	require.Zero(t, testing.AllocsPerRun(50, func() {
		if n, err := ReadNow(f, p, 0); n != len(p) || err != nil {
			panic("not read")
		}
		if !Cached(f, 0, 100_000) {
			panic("not cached")
		}
	}))
}
