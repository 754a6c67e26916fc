//go:build linux

package ring

import (
	"errors"
	"math"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestWaitTimesOut(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	needFeatures(t, r, FeatExtArg)
	start := time.Now()
	n, err := r.SubmitAndWait(1, 5*time.Millisecond)
	require.Equal(t, unix.ETIME, err)
	require.Zero(t, n)
	require.GreaterOrEqual(t, time.Since(start), 5*time.Millisecond)

	n, err = r.SubmitAndWait(1, 0)
	require.NoError(t, err, "zero does not wait, and is no timeout")
	require.Zero(t, n)
}

// TestWaitRaw: the same, without the scheduler.
func TestWaitRaw(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	needFeatures(t, r, FeatExtArg)
	start := time.Now()
	_, err := r.SubmitAndWaitRaw(1, 2*time.Millisecond)
	for err == unix.EINTR { // of Go's scheduler, on a slow machine
		_, err = r.SubmitAndWaitRaw(1, 2*time.Millisecond)
	}
	require.Equal(t, unix.ETIME, err)
	require.GreaterOrEqual(t, time.Since(start), 2*time.Millisecond)

	sqe(t, r, 1).PrepNop()
	_, err = r.SubmitAndWaitRaw(1, watchdog)
	for err == unix.EINTR {
		_, err = r.SubmitAndWaitRaw(1, watchdog)
	}
	require.NoError(t, err)
	require.Len(t, peekAll(r), 1)
}

// TestWaitHidesTimeoutBehindCount: entries were consumed, so their number is what the call says.
func TestWaitHidesTimeoutBehindCount(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	needFeatures(t, r, FeatExtArg)
	sqe(t, r, 1).PrepNop()
	n, err := r.SubmitAndWait(2, time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Len(t, peekAll(r), 1)
}

func TestWaitWithoutTimeout(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	ts := keep(&Timespec{Nsec: 1e6})
	sqe(t, r, 1).PrepTimeout(ts, 0, 0)
	n, err := r.SubmitAndWait(1, -1)
	for err == unix.EINTR {
		_, err = r.SubmitAndWait(1, -1)
	}
	require.NoError(t, err)
	require.Equal(t, 1, n)
	cqes := peekAll(r)
	require.Len(t, cqes, 1)
	requireErrno(t, unix.ETIME, cqes[0])
}

func TestWaitRefusesWhatTheKernelLacks(t *testing.T) {
	r := newRing(t, 8, Params{})
	r.params.Features &^= FeatExtArg | FeatMinTimeout | FeatNoIOWait
	_, err := r.SubmitAndWait(1, time.Second)
	require.ErrorIs(t, err, errExtArg)
	_, err = r.SubmitAndWaitRaw(1, time.Second)
	require.ErrorIs(t, err, errExtArg)
	_, err = r.SubmitAndWaitMin(1, time.Second, time.Millisecond)
	require.ErrorIs(t, err, errMinTimeout)
	require.Error(t, r.SetIOWait(false))
	require.NoError(t, r.SetIOWait(true))
}

// TestMinWait: one completion is enough once the minimum has passed.
func TestMinWait(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	needFeatures(t, r, FeatMinTimeout)
	sqe(t, r, 1).PrepNop()
	start := time.Now()
	_, err := r.SubmitAndWaitMin(8, watchdog, time.Millisecond)
	require.NoError(t, err)
	require.Less(t, time.Since(start), watchdog/2, "waited for eight")
	require.Len(t, peekAll(r), 1)

	_, err = r.SubmitAndWaitMin(8, 3*time.Millisecond, time.Millisecond)
	require.Equal(t, unix.ETIME, err)
}

// TestMinWaitCountsMicroseconds: what does not fit is the longest wait, not a short one.
func TestMinWaitCountsMicroseconds(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	needFeatures(t, r, FeatMinTimeout)
	for minWait, want := range map[time.Duration]uint32{
		-time.Second:                   0,
		0:                              0,
		time.Microsecond - 1:           0,
		time.Microsecond:               1,
		3*time.Millisecond + 1:         3000,
		(1<<32 - 1) * time.Microsecond: math.MaxUint32,
		(1<<32 + 5) * time.Microsecond: math.MaxUint32,
		math.MaxInt64:                  math.MaxUint32,
	} {
		sqe(t, r, 1).PrepNop() // what is waited for is there
		_, err := r.SubmitAndWaitMin(1, watchdog, minWait)
		require.NoError(t, err)
		require.Len(t, peekAll(r), 1)
		require.Equal(t, want, r.wait.minWaitUsec, minWait)
	}
}

func TestNoIOWait(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	needFeatures(t, r, FeatNoIOWait)
	require.NoError(t, r.SetIOWait(false))
	_, err := r.SubmitAndWait(1, time.Millisecond)
	require.Equal(t, unix.ETIME, err)
	require.NoError(t, r.SetIOWait(true))
	require.Zero(t, r.waitFlags)
}

// TestDeferTaskrun: completion work of an armed request runs in an enter call with GETEVENTS, and only there.
func TestDeferTaskrun(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best | SetupTaskrunFlag})
	needFlags(t, r, SetupDeferTaskrun|SetupTaskrunFlag)
	a, b := socketpair(t, unix.SOCK_STREAM)
	buf := memory(8)
	sqe(t, r, 1).PrepRecv(a, buf, 0)
	_, err := r.Submit()
	require.NoError(t, err)
	require.False(t, r.NeedsEnter())

	write(t, b, "x")
	require.Zero(t, r.CQReady())
	require.True(t, r.NeedsEnter(), "TASKRUN must be shown")
	sqe(t, r, 2).PrepSocket(-1, -1, -1) // a plain submit runs none of it
	_, err = r.Submit()
	require.NoError(t, err)
	require.Equal(t, uint32(1), r.CQReady(), "the second entry's own result only")

	_, err = r.SubmitAndGetEvents()
	require.NoError(t, err)
	require.False(t, r.NeedsEnter())
	cqes := peekAll(r)
	require.Len(t, cqes, 2)
	requireRes(t, 1, cqes[1])
}

func TestTimeoutEntries(t *testing.T) {
	long, short := keep(&Timespec{}), keep(&Timespec{})
	long.Set(time.Hour)
	short.Set(1500 * time.Microsecond)
	require.Equal(t, Timespec{Nsec: 1_500_000}, *short)
	require.Equal(t, Timespec{Sec: 3600}, *long)

	onRing(t, "relative", func(t *testing.T, r *Ring) {
		sqe(t, r, 1).PrepTimeout(short, 0, 0)
		requireErrno(t, unix.ETIME, one(t, r))
	})
	onRing(t, "absolute", func(t *testing.T, r *Ring) {
		var now unix.Timespec
		require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
		abs := keep(&Timespec{Sec: int64(now.Sec), Nsec: int64(now.Nsec)})
		sqe(t, r, 1).PrepTimeout(abs, 0, TimeoutAbs)
		requireErrno(t, unix.ETIME, one(t, r))
	})
	onRing(t, "count", func(t *testing.T, r *Ring) {
		sqe(t, r, 1).PrepTimeout(long, 1, 0)
		sqe(t, r, 2).PrepNop()
		requireRes(t, 0, byUserData(t, r, 2)[1])
	})
	onRing(t, "remove", func(t *testing.T, r *Ring) {
		sqe(t, r, 1).PrepTimeout(long, 0, 0)
		sqe(t, r, 2).PrepTimeoutRemove(1)
		cqes := byUserData(t, r, 2)
		requireErrno(t, unix.ECANCELED, cqes[1])
		requireRes(t, 0, cqes[2])
		sqe(t, r, 3).PrepTimeoutRemove(1)
		requireErrno(t, unix.ENOENT, one(t, r))
	})
	onRing(t, "update", func(t *testing.T, r *Ring) {
		sqe(t, r, 1).PrepTimeout(long, 0, 0)
		sqe(t, r, 2).PrepTimeoutUpdate(short, 1, 0)
		cqes := byUserData(t, r, 2)
		requireErrno(t, unix.ETIME, cqes[1])
		requireRes(t, 0, cqes[2])
	})
	onRing(t, "multishot", func(t *testing.T, r *Ring) {
		sqe(t, r, 1).PrepTimeout(short, 2, TimeoutMultishot)
		first := one(t, r)
		if first.Res == -int32(unix.EINVAL) {
			t.Skip("this kernel has no multishot timeout")
		}
		requireErrno(t, unix.ETIME, first)
		require.True(t, first.More())
		require.False(t, one(t, r).More())
	})
}

func TestPoll(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	a, b := socketpair(t, unix.SOCK_STREAM)
	sqe(t, r, 1).PrepPollAdd(a, unix.POLLIN)
	write(t, b, "x")
	c := one(t, r)
	require.False(t, c.More())
	require.NotZero(t, c.Res&unix.POLLIN)

	efd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	require.NoError(t, err)
	closeLater(t, efd)
	sqe(t, r, 2).PrepPollMultishot(efd, unix.POLLIN)
	for range 3 {
		write(t, efd, "\x01\x00\x00\x00\x00\x00\x00\x00")
		c := one(t, r)
		if c.Res == -int32(unix.EINVAL) {
			t.Skip("this kernel has no multishot poll")
		}
		require.True(t, c.More())
		require.Equal(t, int32(unix.POLLIN), c.Res)
		_, err := unix.Read(efd, memory(8))
		require.NoError(t, err)
	}
	sqe(t, r, 4).PrepPollUpdate(2, 3, 0, PollUpdateUserData)
	requireRes(t, 0, one(t, r))
	sqe(t, r, 5).PrepPollRemove(3)
	cqes := byUserData(t, r, 2)
	requireErrno(t, unix.ECANCELED, cqes[3])
	requireRes(t, 0, cqes[5])
	sqe(t, r, 6).PrepPollRemove(3)
	requireErrno(t, unix.ENOENT, one(t, r))
}

func TestEventFD(t *testing.T) {
	r := newRing(t, 8, Params{})
	efd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	require.NoError(t, err)
	closeLater(t, efd)
	var count uint64
	read := func() error {
		_, err := unix.Read(efd, unsafe.Slice((*byte)(unsafe.Pointer(&count)), 8))
		return err
	}
	require.NoError(t, r.RegisterEventFD(efd))
	require.ErrorIs(t, r.RegisterEventFD(efd), unix.EBUSY)
	sqe(t, r, 1).PrepNop()
	one(t, r)
	require.NoError(t, read())
	require.NotZero(t, count)
	require.True(t, r.CQEventFDEnabled())
	if errors.Is(r.CQEventFDToggle(false), errors.ErrUnsupported) {
		t.Skip("this kernel can not turn it off")
	}
	require.False(t, r.CQEventFDEnabled())
	sqe(t, r, 1).PrepNop()
	one(t, r)
	require.Equal(t, unix.EAGAIN, read())
	require.NoError(t, r.CQEventFDToggle(true))
	require.True(t, r.CQEventFDEnabled())
	require.Equal(t, unix.EAGAIN, read(), "what came meanwhile is not told of later")
	sqe(t, r, 1).PrepNop()
	one(t, r)
	require.NoError(t, read())
	require.NoError(t, r.UnregisterEventFD())
	require.ErrorIs(t, r.UnregisterEventFD(), unix.ENXIO)

	require.NoError(t, r.RegisterEventFDAsync(efd))
	sqe(t, r, 1).PrepNop()
	one(t, r)
	require.Equal(t, unix.EAGAIN, read(), "a NOP completes inside enter")
}
