//go:build linux

package ring

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func tempFile(t *testing.T, content string) (fd int, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	closeLater(t, fd)
	return fd, path
}

func cstring(t *testing.T, s string) *byte {
	t.Helper()
	b := memory(len(s) + 1)
	copy(b, s)
	return &b[0]
}

func iovecs(bufs ...[]byte) []unix.Iovec {
	iov := keep(make([]unix.Iovec, len(bufs)))
	for i, b := range bufs {
		iov[i].Base = &b[0]
		iov[i].SetLen(len(b))
	}
	return iov
}

func TestReadWrite(t *testing.T) {
	onRing(t, "plain", func(t *testing.T, r *Ring) {
		fd, path := tempFile(t, "")
		data := memory(5)
		copy(data, "hello")
		sqe(t, r, 1).PrepWrite(fd, data, 3)
		requireRes(t, 5, one(t, r))
		sqe(t, r, 2).PrepFsync(fd, FsyncDatasync)
		requireRes(t, 0, one(t, r))
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, "\x00\x00\x00hello", string(got))

		buf := memory(16)
		sqe(t, r, 3).PrepRead(fd, buf, 3)
		requireRes(t, 5, one(t, r))
		require.Equal(t, "hello", string(buf[:5]))
		sqe(t, r, 4).PrepRead(fd, buf, 100)
		requireRes(t, 0, one(t, r))
		sqe(t, r, 5).PrepRead(fd, buf[:2], -1)
		requireRes(t, 2, one(t, r))
		sqe(t, r, 6).PrepRead(fd, buf, -1)
		requireRes(t, 6, one(t, r))
		require.Equal(t, "\x00hello", string(buf[:6]), "-1 is the current position")
	})
	onRing(t, "vectors", func(t *testing.T, r *Ring) {
		fd, _ := tempFile(t, "")
		a, b := memory(2), memory(3)
		copy(a, "ab")
		copy(b, "cde")
		sqe(t, r, 1).PrepWritev(fd, iovecs(a, b), 0, 0)
		requireRes(t, 5, one(t, r))
		c, d := memory(4), memory(4)
		sqe(t, r, 2).PrepReadv(fd, iovecs(c, d), 0, 0)
		requireRes(t, 5, one(t, r))
		require.Equal(t, "abcde", string(c)+string(d[:1]))
	})
	onRing(t, "fixed", func(t *testing.T, r *Ring) {
		fd, _ := tempFile(t, "")
		a, b := memory(4096), memory(4096)
		require.NoError(t, r.RegisterBuffers(iovecs(a, b), nil))
		copy(a[100:], "fixed")
		sqe(t, r, 1).PrepWriteFixed(fd, a[100:105], 0, 0)
		requireRes(t, 5, one(t, r))
		sqe(t, r, 2).PrepReadFixed(fd, b[7:17], 0, 1)
		requireRes(t, 5, one(t, r))
		require.Equal(t, "fixed", string(b[7:12]))
		sqe(t, r, 3).PrepReadFixed(fd, b[7:17], 0, 0)
		requireErrno(t, unix.EFAULT, one(t, r)) // outside of buffer 0
		sqe(t, r, 4).PrepReadFixed(fd, b, 0, 2)
		requireErrno(t, unix.EFAULT, one(t, r)) // no such buffer
	})
	onRing(t, "multishot", func(t *testing.T, r *Ring) {
		needOps(t, r, OpReadMultishot)
		pr, pw := pipe(t)
		_, bufs := bufRing(t, r, 2, 8, 7)
		sqe(t, r, 1).PrepReadMultishot(pr, 7)
		write(t, pw, "piped")
		c := one(t, r)
		requireRes(t, 5, c)
		require.True(t, c.More())
		require.Equal(t, "piped", string(bufs[c.BufferID()][:5]))
		fd, _ := tempFile(t, "x")
		sqe(t, r, 2).PrepReadMultishot(fd, 7)
		requireErrno(t, unix.EBADFD, one(t, r))
	})
}

func TestFileCalls(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	needOps(t, r, OpOpenat, OpStatx, OpFallocate, OpRenameat, OpUnlinkat)
	_, path := tempFile(t, "content")

	sqe(t, r, 1).PrepOpenat(unix.AT_FDCWD, cstring(t, path), unix.O_RDWR|unix.O_CLOEXEC, 0)
	c := one(t, r)
	require.Positive(t, c.Res)
	fd := int(c.Res)
	closeLater(t, fd)
	sqe(t, r, 1).PrepOpenat(unix.AT_FDCWD, cstring(t, path+".no"), unix.O_RDONLY, 0)
	requireErrno(t, unix.ENOENT, one(t, r))

	size := func() uint64 {
		st := keep(new(unix.Statx_t))
		sqe(t, r, 2).PrepStatx(unix.AT_FDCWD, cstring(t, path), 0, unix.STATX_SIZE, st)
		requireRes(t, 0, one(t, r))
		return st.Size
	}
	require.Equal(t, uint64(7), size())
	sqe(t, r, 3).PrepFallocate(fd, 0, 0, 8192)
	if c := one(t, r); c.Res != -int32(unix.EOPNOTSUPP) {
		requireRes(t, 0, c)
		require.Equal(t, uint64(8192), size())
	}
	if p, err := r.RegisterProbe(); err == nil && p.Supported(OpFtruncate) {
		sqe(t, r, 4).PrepFtruncate(fd, 3)
		requireRes(t, 0, one(t, r))
		require.Equal(t, uint64(3), size())
	}
	sqe(t, r, 5).PrepRenameat(unix.AT_FDCWD, cstring(t, path), unix.AT_FDCWD, cstring(t, path+".new"), 0)
	requireRes(t, 0, one(t, r))
	require.NoFileExists(t, path)
	sqe(t, r, 6).PrepUnlinkat(unix.AT_FDCWD, cstring(t, path+".new"), 0)
	requireRes(t, 0, one(t, r))
	require.NoFileExists(t, path+".new")
}

func TestSpliceAndTee(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	needOps(t, r, OpSplice, OpTee)
	fd, _ := tempFile(t, "0123456789")
	pr, pw := pipe(t)
	qr, qw := pipe(t)

	sqe(t, r, 1).PrepSplice(fd, 2, pw, -1, 5, 0)
	requireRes(t, 5, one(t, r))
	sqe(t, r, 2).PrepTee(pr, qw, 5, 0)
	requireRes(t, 5, one(t, r))
	for _, end := range []int{pr, qr} {
		buf := memory(16)
		n, err := unix.Read(end, buf)
		require.NoError(t, err)
		require.Equal(t, "23456", string(buf[:n]))
	}
	sqe(t, r, 3).PrepSplice(fd, 100, pw, -1, 5, 0)
	requireRes(t, 0, one(t, r))
}

func TestPipe(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	needOps(t, r, OpPipe)
	fds := keep(new([2]int32))
	sqe(t, r, 1).PrepPipe(fds, unix.O_CLOEXEC)
	requireRes(t, 0, one(t, r))
	closeLater(t, int(fds[0]), int(fds[1]))
	write(t, int(fds[1]), "x")
}

// TestDirectDescriptors opens into the table of registered files, reads, installs and closes.
func TestDirectDescriptors(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	needOps(t, r, OpFixedFDInstall)
	require.NoError(t, r.RegisterFilesSparse(3))
	_, path := tempFile(t, "direct")
	open := func(slot uint32) CQE {
		sqe(t, r, 1).PrepOpenatDirect(unix.AT_FDCWD, cstring(t, path), unix.O_RDONLY, 0, slot)
		return one(t, r)
	}
	read := func(slot int) CQE {
		s := sqe(t, r, 2)
		s.PrepRead(slot, memory(16), 0)
		s.Flags |= SQEFixedFile
		return one(t, r)
	}
	requireRes(t, 0, open(1))
	requireRes(t, 6, read(1))
	requireErrno(t, unix.EBADF, read(0))

	require.NoError(t, r.RegisterFileAllocRange(2, 1))
	requireRes(t, 2, open(FileIndexAlloc)) // the slot it chose
	requireErrno(t, unix.ENFILE, open(FileIndexAlloc))

	sqe(t, r, 3).PrepFixedFDInstall(1, 0)
	c := one(t, r)
	require.Positive(t, c.Res, "%v", c)
	flags, err := unix.FcntlInt(uintptr(c.Res), unix.F_GETFD, 0)
	require.NoError(t, err)
	require.NotZero(t, flags&unix.FD_CLOEXEC)
	require.NoError(t, unix.Close(int(c.Res)))

	sqe(t, r, 4).PrepCloseDirect(1)
	requireRes(t, 0, one(t, r))
	requireErrno(t, unix.EBADF, read(1))

	fds := keep(make([]int32, 1))
	fd, _ := tempFile(t, "update")
	fds[0] = int32(fd)
	sqe(t, r, 5).PrepFilesUpdate(fds, 0)
	requireRes(t, 1, one(t, r))
	requireRes(t, 6, read(0))

	sqe(t, r, 6).PrepSocketDirect(unix.AF_INET, unix.SOCK_STREAM, 0, 1)
	requireRes(t, 0, one(t, r))
	requireErrno(t, unix.ENOTCONN, func() CQE {
		s := sqe(t, r, 7)
		s.PrepRecv(1, memory(1), 0)
		s.Flags |= SQEFixedFile
		return one(t, r)
	}())
}
