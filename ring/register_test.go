//go:build linux

package ring

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestFeaturesAgreeWithQuery: what a ring reports, what QUERY says and what the probe lists are one kernel.
func TestFeaturesAgreeWithQuery(t *testing.T) {
	r := newRing(t, 8, Params{})
	p, err := r.RegisterProbe()
	require.NoError(t, err)
	require.True(t, p.Supported(OpNop))
	require.False(t, p.Supported(255))

	q, err := Query()
	needRegister(t, RegisterQuery, err)
	require.Equal(t, q.Features, r.Features())
	require.Equal(t, q.RequestOpcodes, uint32(p.LastOp())+1)
	require.Greater(t, q.RegisterOpcodes, uint32(RegisterQuery))
	require.NotZero(t, q.SetupFlags&SetupDeferTaskrun)
	require.NotZero(t, q.EnterFlags&EnterExtArg)
	require.NotZero(t, q.SQEFlags&SQECQESkipSuccess)
	require.NotZero(t, q.QueryOpcodes)
	full, err := New(8, Params{Flags: best})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, full.Close()) })
	require.Equal(t, best&q.SetupFlags, full.Flags(), "New keeps what the kernel knows")
}

func TestRegisterIOWQMaxWorkers(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	before, err := r.RegisterIOWQMaxWorkers(0, 0)
	needRegister(t, RegisterIOWQMaxWorkers, err)
	require.NotZero(t, before[1])
	was, err := r.RegisterIOWQMaxWorkers(2, 3)
	require.NoError(t, err)
	require.Equal(t, before, was)
	was, err = r.RegisterIOWQMaxWorkers(before[0], before[1])
	require.NoError(t, err)
	require.Equal(t, [2]uint32{2, 3}, was)
}

func TestRegisterBuffers(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	fd, _ := tempFile(t, "registered")
	a, b := memory(4096), memory(4096)
	read := func(buf []byte, index uint16) CQE {
		sqe(t, r, 1).PrepReadFixed(fd, buf[:10], 0, index)
		return one(t, r)
	}
	require.ErrorIs(t, r.RegisterBuffers(iovecs(a), []uint64{1, 2}), unix.EINVAL, "one tag a buffer")
	require.ErrorIs(t, r.UnregisterBuffers(), unix.ENXIO)
	needRegister(t, RegisterBuffers2, r.RegisterBuffersSparse(2))
	require.ErrorIs(t, r.RegisterBuffersSparse(2), unix.EBUSY)
	requireErrno(t, unix.EFAULT, read(a, 0))

	n, err := r.RegisterBuffersUpdate(1, iovecs(a), []uint64{77})
	require.NoError(t, err)
	require.Equal(t, 1, n)
	requireRes(t, 10, read(a, 1))
	_, err = r.RegisterBuffersUpdate(1, iovecs(b), nil)
	require.NoError(t, err)
	require.Equal(t, uint64(77), one(t, r).UserData, "the tag says that the old buffer is free")
	requireRes(t, 10, read(b, 1))
	_, err = r.RegisterBuffersUpdate(2, iovecs(b), nil)
	require.ErrorIs(t, err, unix.EINVAL, "behind the end")

	other := newRing(t, 8, Params{Flags: best})
	err = other.CloneBuffers(r, 0, 0, 0, 0)
	if err == nil {
		sqe(t, other, 1).PrepReadFixed(fd, b[:10], 0, 1)
		requireRes(t, 10, one(t, other))
		require.Error(t, other.CloneBuffers(r, 0, 0, 0, 0), "there are buffers already")
		if rerr := other.CloneBuffers(r, 1, 0, 1, CloneDstReplace); !errors.Is(rerr, unix.EBUSY) { // 6.13
			require.NoError(t, rerr)
		}
		require.NoError(t, other.UnregisterBuffers())
	}
	require.NoError(t, r.UnregisterBuffers())
	require.NoError(t, r.RegisterBuffers(iovecs(a), []uint64{5}))
	requireRes(t, 10, read(a, 0))
	needRegister(t, RegisterCloneBuffers, err)
}

func TestRegisterFiles(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	fd, _ := tempFile(t, "registered")
	read := func(slot int) CQE {
		s := sqe(t, r, 1)
		s.PrepRead(slot, memory(16), 0)
		s.Flags |= SQEFixedFile
		return one(t, r)
	}
	require.ErrorIs(t, r.RegisterFiles([]int32{int32(fd)}, []uint64{}), unix.EINVAL, "one tag a file")
	require.ErrorIs(t, r.UnregisterFiles(), unix.ENXIO)
	require.NoError(t, r.RegisterFiles([]int32{-1, int32(fd)}, nil))
	requireErrno(t, unix.EBADF, read(0))
	requireRes(t, 10, read(1))
	n, err := r.RegisterFilesUpdate(0, []int32{int32(fd), FilesSkip}, nil)
	needRegister(t, RegisterFilesUpdate2, err)
	require.Equal(t, 2, n)
	requireRes(t, 10, read(0))
	requireRes(t, 10, read(1))
	_, err = r.RegisterFilesUpdate(0, []int32{-1}, nil)
	require.NoError(t, err)
	requireErrno(t, unix.EBADF, read(0))
	require.NoError(t, r.UnregisterFiles())
	require.NoError(t, r.RegisterFiles([]int32{int32(fd)}, []uint64{66}))
	_, err = r.RegisterFilesUpdate(0, []int32{-1}, nil)
	require.NoError(t, err)
	require.Equal(t, uint64(66), one(t, r).UserData, "the tag says that the old file is closed")
}

func TestRestrictions(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best | SetupRDisabled})
	needFlags(t, r, SetupRDisabled)
	require.NoError(t, r.RegisterRestrictions(
		AllowOp(OpNop), AllowOp(OpRead),
		AllowRegisterOp(RegisterEnableRings), AllowRegisterOp(RegisterIOWQMaxWorkers),
		AllowSQEFlags(SQEIOLink), RequireSQEFlags(SQEAsync),
	))
	require.ErrorIs(t, r.RegisterRestrictions(AllowOp(OpWrite)), unix.EBUSY)
	require.NoError(t, r.Enable())

	try := func(op Op, flags SQEFlags) CQE {
		s := sqe(t, r, 1)
		s.PrepNop()
		s.Opcode, s.Flags = op, flags
		return one(t, r)
	}
	requireRes(t, 0, try(OpNop, SQEAsync))
	requireErrno(t, unix.EACCES, try(OpNop, 0))
	requireErrno(t, unix.EACCES, try(OpNop, SQEAsync|SQEIODrain))
	requireErrno(t, unix.EACCES, try(OpWrite, SQEAsync))
	_, err := r.RegisterIOWQMaxWorkers(0, 0)
	require.NoError(t, err)
	require.ErrorIs(t, r.RegisterFilesSparse(1), unix.EACCES)

	open := newRing(t, 8, Params{})
	require.ErrorIs(t, open.RegisterRestrictions(AllowOp(OpNop)), unix.EBADFD)
}

// TestRegisterErrorsNameTheCall: callers see which system call refused, and errors.Is sees the errno.
func TestRegisterErrorsNameTheCall(t *testing.T) {
	r := newRing(t, 8, Params{})
	err := r.UnregisterEventFD()
	require.EqualError(t, err, "io_uring_register: no such device or address")
	require.True(t, errors.Is(err, unix.ENXIO))
	_, err = Setup(0, Params{})
	require.EqualError(t, err, "io_uring_setup: invalid argument")
}
