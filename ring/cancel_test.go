//go:build linux

package ring

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// armRecvs leaves a receive in flight on a for each user data.
func armRecvs(t *testing.T, r *Ring, fd int, userData ...uint64) {
	t.Helper()
	for _, ud := range userData {
		sqe(t, r, ud).PrepRecv(fd, memory(8), 0)
	}
	n, err := r.SubmitAndGetEvents()
	require.NoError(t, err)
	require.Equal(t, len(userData), n)
	require.Zero(t, r.CQReady())
}

func TestCancel(t *testing.T) {
	a, _ := socketpair(t, unix.SOCK_STREAM)
	b, _ := socketpair(t, unix.SOCK_STREAM)

	// probe tells whether the kernel takes these cancel flags at all.
	probe := func(t *testing.T, r *Ring, flags CancelFlags) {
		sqe(t, r, 99).PrepCancelFD(a, flags)
		if c := one(t, r); c.Res == -int32(unix.EINVAL) {
			t.Skipf("this kernel has no cancel flags %#x", flags)
		}
	}
	onRing(t, "user data", func(t *testing.T, r *Ring) {
		armRecvs(t, r, a, 1, 2)
		sqe(t, r, 3).PrepCancel(2, 0)
		cqes := byUserData(t, r, 2)
		requireErrno(t, unix.ECANCELED, cqes[2])
		requireRes(t, 0, cqes[3])
		sqe(t, r, 4).PrepCancel(2, 0)
		requireErrno(t, unix.ENOENT, one(t, r))
		sqe(t, r, 5).PrepCancel(1, 0)
		requireErrno(t, unix.ECANCELED, byUserData(t, r, 2)[1])
	})
	onRing(t, "fd", func(t *testing.T, r *Ring) {
		probe(t, r, 0)
		armRecvs(t, r, a, 1)
		armRecvs(t, r, b, 2)
		sqe(t, r, 3).PrepCancelFD(b, 0)
		cqes := byUserData(t, r, 2)
		requireErrno(t, unix.ECANCELED, cqes[2])
		requireRes(t, 0, cqes[3])
		sqe(t, r, 4).PrepCancelFD(b, CancelAll)
		requireRes(t, 0, one(t, r))
		sqe(t, r, 5).PrepCancelFD(a, CancelAll)
		requireErrno(t, unix.ECANCELED, byUserData(t, r, 2)[1])
	})
	onRing(t, "fd all", func(t *testing.T, r *Ring) {
		probe(t, r, CancelAll)
		armRecvs(t, r, a, 1, 2, 3)
		armRecvs(t, r, b, 4)
		sqe(t, r, 5).PrepCancelFD(a, CancelAll)
		cqes := byUserData(t, r, 4)
		requireRes(t, 3, cqes[5])
		require.NotContains(t, cqes, uint64(4))
		sqe(t, r, 6).PrepCancelFD(b, CancelAll)
		requireRes(t, 1, byUserData(t, r, 2)[6])
	})
	onRing(t, "any", func(t *testing.T, r *Ring) {
		probe(t, r, CancelAll)
		armRecvs(t, r, a, 1, 2)
		armRecvs(t, r, b, 4)
		sqe(t, r, 5).PrepCancel(0, CancelAny|CancelAll)
		requireRes(t, 3, byUserData(t, r, 4)[5])
	})
	onRing(t, "op", func(t *testing.T, r *Ring) {
		sqe(t, r, 99).PrepCancelOp(OpRecv, CancelAll)
		if c := one(t, r); c.Res == -int32(unix.EINVAL) {
			t.Skip("this kernel has no CANCEL_OP")
		}
		armRecvs(t, r, a, 1, 2)
		sqe(t, r, 3).PrepPollAdd(a, unix.POLLIN)
		sqe(t, r, 5).PrepCancelOp(OpRecv, CancelAll)
		_, err := r.SubmitAndGetEvents()
		require.NoError(t, err)
		cqes := peekAll(r)
		if len(cqes) == 1 && cqes[0].Res == 0 {
			t.Skip("this kernel takes CANCEL_OP and matches nothing by it") // seen on a 6.1
		}
		cqes = append(cqes, reap(t, r, 3-len(cqes))...)
		require.Contains(t, cqes, CQE{UserData: 5, Res: 2})
		sqe(t, r, 6).PrepCancelOp(OpPollAdd, CancelAll)
		requireRes(t, 1, byUserData(t, r, 2)[6])
	})
}

// TestCancelTooLate: the target's own completion counts, whatever the cancel says.
func TestCancelTooLate(t *testing.T) {
	r := newRing(t, 16, Params{Flags: best})
	a, b := socketpair(t, unix.SOCK_STREAM)
	armRecvs(t, r, a, 1)
	write(t, b, "data")
	sqe(t, r, 2).PrepCancel(1, 0)
	cqes := byUserData(t, r, 2)
	if cqes[2].Res == 0 {
		requireErrno(t, unix.ECANCELED, cqes[1])
	} else {
		requireRes(t, 4, cqes[1])
	}
}

func TestSyncCancel(t *testing.T) {
	r := newRing(t, 16, Params{Flags: best})
	a, _ := socketpair(t, unix.SOCK_STREAM)
	armRecvs(t, r, a, 1, 2)
	needRegister(t, RegisterSyncCancel, r.RegisterSyncCancel(SyncCancel{UserData: 1, Timeout: -1}))
	requireErrno(t, unix.ECANCELED, one(t, r))
	require.ErrorIs(t, r.RegisterSyncCancel(SyncCancel{UserData: 1, Timeout: time.Second}), unix.ENOENT)

	err := r.RegisterSyncCancel(SyncCancel{FD: a, Flags: CancelFD | CancelAll, Timeout: time.Second})
	require.NoError(t, err)
	c := one(t, r)
	require.Equal(t, uint64(2), c.UserData)
	requireErrno(t, unix.ECANCELED, c)
}

func TestLinks(t *testing.T) {
	// bad fails when it runs: an entry that can not even be prepared breaks a hard link too, before 5.18.
	bad := func(t *testing.T, r *Ring, userData uint64, flags SQEFlags) {
		pr, _ := pipe(t)
		s := sqe(t, r, userData)
		s.PrepRecv(pr, memory(1), 0)
		s.Flags |= flags
	}
	nop := func(t *testing.T, r *Ring, userData uint64, flags SQEFlags) {
		s := sqe(t, r, userData)
		s.PrepNop()
		s.Flags |= flags
	}
	onRing(t, "broken", func(t *testing.T, r *Ring) {
		bad(t, r, 1, SQEIOLink)
		nop(t, r, 2, SQEIOLink)
		nop(t, r, 3, 0)
		nop(t, r, 4, 0)
		cqes := byUserData(t, r, 4)
		requireErrno(t, unix.ENOTSOCK, cqes[1])
		requireErrno(t, unix.ECANCELED, cqes[2])
		requireErrno(t, unix.ECANCELED, cqes[3])
		requireRes(t, 0, cqes[4])
	})
	onRing(t, "hard", func(t *testing.T, r *Ring) {
		bad(t, r, 1, SQEIOHardlink)
		nop(t, r, 2, 0)
		cqes := byUserData(t, r, 2)
		requireErrno(t, unix.ENOTSOCK, cqes[1])
		requireRes(t, 0, cqes[2])
	})
	onRing(t, "skip success", func(t *testing.T, r *Ring) {
		needFeatures(t, r, FeatCQESkip)
		nop(t, r, 1, SQEIOLink|SQECQESkipSuccess)
		nop(t, r, 2, 0)
		require.Equal(t, uint64(2), one(t, r).UserData)
	})
	onRing(t, "timeout", func(t *testing.T, r *Ring) {
		a, b := socketpair(t, unix.SOCK_STREAM)
		ts := keep(&Timespec{Nsec: 1e6})
		s := sqe(t, r, 1)
		s.PrepRecv(a, memory(8), 0)
		s.Flags |= SQEIOLink
		sqe(t, r, 2).PrepLinkTimeout(ts, 0)
		cqes := byUserData(t, r, 2)
		requireErrno(t, unix.ECANCELED, cqes[1])
		requireErrno(t, unix.ETIME, cqes[2])

		ts.Set(time.Hour)
		write(t, b, "x")
		s = sqe(t, r, 1)
		s.PrepRecv(a, memory(8), 0)
		s.Flags |= SQEIOLink
		sqe(t, r, 2).PrepLinkTimeout(ts, 0)
		cqes = byUserData(t, r, 2)
		requireRes(t, 1, cqes[1])
		requireErrno(t, unix.ECANCELED, cqes[2])
	})
	onRing(t, "drain", func(t *testing.T, r *Ring) {
		a, b := socketpair(t, unix.SOCK_STREAM)
		armRecvs(t, r, a, 1)
		nop(t, r, 2, SQEIODrain)
		_, err := r.SubmitAndGetEvents()
		require.NoError(t, err)
		require.Zero(t, r.CQReady(), "waits for the receive")
		write(t, b, "x")
		cqes := reap(t, r, 2)
		require.Equal(t, uint64(1), cqes[0].UserData)
	})
}

// withTarget is a subtest with two rings.
func withTarget(t *testing.T, name string, f func(t *testing.T, r, target *Ring)) {
	onRing(t, name, func(t *testing.T, r *Ring) {
		needOps(t, r, OpMsgRing)
		f(t, r, newRing(t, 8, Params{Flags: best}))
	})
}

func TestMsgRing(t *testing.T) {
	withTarget(t, "data", func(t *testing.T, r, target *Ring) {
		sqe(t, r, 1).PrepMsgRing(target.FD(), -7, 77, 0)
		requireRes(t, 0, one(t, r))
		require.Equal(t, CQE{UserData: 77, Res: -7}, one(t, target))

		a, _ := pipe(t)
		sqe(t, r, 2).PrepMsgRing(a, 0, 0, 0)
		requireErrno(t, unix.EBADFD, one(t, r))
	})
	withTarget(t, "flags", func(t *testing.T, r, target *Ring) {
		s := sqe(t, r, 3)
		s.PrepMsgRing(target.FD(), 1, 78, MsgRingFlagsPass)
		s.FileIndex = uint32(CQESockNonempty)
		if c := one(t, r); c.Res == -int32(unix.EINVAL) {
			t.Skip("this kernel has no MSG_RING_FLAGS_PASS")
		}
		require.True(t, one(t, target).SockNonempty())
	})
	withTarget(t, "fd", func(t *testing.T, r, target *Ring) {
		pr, pw := pipe(t)
		require.NoError(t, r.RegisterFiles([]int32{-1, int32(pr)}, nil))
		require.NoError(t, target.RegisterFilesSparse(2))
		sqe(t, r, 4).PrepMsgRingFD(target.FD(), 1, 0, 79, 0)
		c := one(t, r)
		if c.Res == -int32(unix.EINVAL) {
			t.Skip("this kernel passes no descriptors")
		}
		requireRes(t, 0, c)
		require.Equal(t, uint64(79), one(t, target).UserData)
		write(t, pw, "over")
		buf := memory(8)
		s := sqe(t, target, 5)
		s.PrepRead(0, buf, -1)
		s.Flags |= SQEFixedFile
		requireRes(t, 4, one(t, target))
		require.Equal(t, "over", string(buf[:4]))
	})
}

// TestSyncMsgRing wakes a ring that waits for ever, from a thread that has none.
func TestSyncMsgRing(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	needRegister(t, RegisterSendMsgRing, SyncMsgRing(r.FD(), 5, 76))
	require.Equal(t, CQE{UserData: 76, Res: 5}, one(t, r))

	fd, sent := r.FD(), make(chan error, 1)
	go func() { sent <- SyncMsgRing(fd, 6, 77) }()
	_, err := r.SubmitAndWait(1, -1)
	for err == unix.EINTR {
		_, err = r.SubmitAndWait(1, -1)
	}
	require.NoError(t, err)
	require.NoError(t, <-sent)
	require.Equal(t, []CQE{{UserData: 77, Res: 6}}, peekAll(r))

	a, _ := pipe(t)
	require.ErrorIs(t, SyncMsgRing(a, 0, 0), unix.EBADFD, "open, and no ring")
	require.ErrorIs(t, SyncMsgRing(-1, 0, 0), unix.EBADF)
	allocs := testing.AllocsPerRun(20, func() {
		if SyncMsgRing(fd, 0, 1) != nil {
			panic("SyncMsgRing failed")
		}
	})
	require.Zero(t, allocs)
	_, err = r.SubmitAndGetEvents()
	require.NoError(t, err)
	require.NotEmpty(t, peekAll(r))
}
