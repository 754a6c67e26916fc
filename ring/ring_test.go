//go:build linux

package ring

import (
	"errors"
	goruntime "runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestSetupReportsWhatItGot(t *testing.T) {
	r := newRing(t, 5, Params{Flags: SetupCQSize, CQEntries: 100})
	require.Equal(t, uint32(8), r.SQEntries())
	require.Equal(t, uint32(128), r.CQEntries())
	require.Equal(t, SetupCQSize, r.Flags())
	want := Params{Flags: SetupCQSize, SQEntries: 8, CQEntries: 128, Features: r.Features()}
	require.Equal(t, want, r.Params())
	require.NotZero(t, r.Features()&FeatSingleMmap)
	require.Equal(t, uint32(8), r.SQSpaceLeft())
	require.Zero(t, r.SQReady())
	require.Zero(t, r.CQReady())
	require.Zero(t, r.SQDropped())
	require.Zero(t, r.CQOverflow())

	flags, err := unix.FcntlInt(uintptr(r.FD()), unix.F_GETFD, 0)
	require.NoError(t, err)
	require.NotZero(t, flags&unix.FD_CLOEXEC, "a ring must not survive exec")
}

func TestSetupErrors(t *testing.T) {
	for name, c := range map[string]struct {
		entries uint32
		p       Params
		want    unix.Errno
	}{
		"no entries":                   {0, Params{}, unix.EINVAL},
		"too many entries":             {1 << 30, Params{}, unix.EINVAL},
		"completion queue too small":   {64, Params{Flags: SetupCQSize, CQEntries: 8}, unix.EINVAL},
		"defer without single issuer":  {8, Params{Flags: SetupDeferTaskrun}, unix.EINVAL},
		"taskrun flag without taskrun": {8, Params{Flags: SetupTaskrunFlag}, unix.EINVAL},
		"unknown flag":                 {8, Params{Flags: 1 << 31}, unix.EINVAL},
		"workers of what is no ring":   {8, Params{Flags: SetupAttachWQ, WQFD: 1 << 20}, unix.EBADF},
	} {
		_, err := Setup(c.entries, c.p)
		skipUnlessAllowed(t, err)
		if errors.Is(err, unix.ENXIO) {
			err = errors.Join(err, c.want) // what older kernels say of a bad descriptor
		}
		require.ErrorIs(t, err, c.want, name)
		require.NotEmpty(t, SetupMeaning(err), name)
	}
}

func TestClosedRing(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	require.NoError(t, r.Close())
	require.NoError(t, r.Close(), "Close is idempotent")

	require.Equal(t, -1, r.FD())
	require.Nil(t, r.GetSQE())
	require.Zero(t, r.PeekBatch(make([]CQE, 4)))
	require.Zero(t, r.SQReady())
	require.Zero(t, r.SQSpaceLeft())
	require.Zero(t, r.CQReady())
	require.False(t, r.NeedsEnter())
	n, err := r.Submit()
	require.NoError(t, err)
	require.Zero(t, n)
	for _, enter := range []func() (int, error){
		r.SubmitAndGetEvents,
		func() (int, error) { return r.SubmitAndWait(1, -1) },
		func() (int, error) { return r.SubmitAndWait(1, time.Second) },
	} {
		_, err := enter()
		require.Equal(t, unix.EBADF, err)
	}
	require.ErrorIs(t, r.RegisterFilesSparse(4), unix.EBADF)
	_, err = r.RegisterBufRing(4, 1, 0)
	require.ErrorIs(t, err, unix.EBADF)
}

// TestManyRings makes and closes rings in sequence: descriptors and mappings must not grow.
func TestManyRings(t *testing.T) {
	newRing(t, 8, Params{}) // skips when io_uring is refused
	before := countFDs()
	for i := range 200 {
		r, err := New(8, Params{Flags: best})
		if errors.Is(err, unix.ENOMEM) {
			// The kernel frees the pages of closed rings on its own time.
			t.Logf("ring %d: %v", i, err)
			continue
		}
		require.NoError(t, err)
		if err := r.RegisterRingFD(); !errors.Is(err, unix.EINVAL) { // or too old for it
			require.NoError(t, err)
		}
		r.GetSQE().PrepNop()
		_, err = r.SubmitAndWait(1, watchdog)
		require.NoError(t, err)
		require.Len(t, peekAll(r), 1)
		require.NoError(t, r.Close(), "the thread's table has 16 places, so Close must clear this one")
	}
	require.Equal(t, before, countFDs())
}

// onOtherThread runs f on a thread of its own and waits for it.
func onOtherThread(f func()) {
	done := make(chan struct{})
	go func() {
		goruntime.LockOSThread() // never unlocked: the thread ends with the goroutine
		defer close(done)
		f()
	}()
	<-done
}

func TestSingleIssuerRefusesOtherThreads(t *testing.T) {
	r := newRing(t, 8, Params{Flags: SetupSingleIssuer | SetupDeferTaskrun})
	needFlags(t, r, SetupSingleIssuer)
	sqe(t, r, 1).PrepNop()
	onOtherThread(func() {
		_, err := r.Submit()
		require.Equal(t, unix.EEXIST, err)
		_, err = r.SubmitAndWait(1, watchdog)
		require.Equal(t, unix.EEXIST, err)
	})
	require.Equal(t, uint32(1), r.SQReady(), "a refused entry stays queued")
	requireRes(t, 0, one(t, r))
}

// TestDisabledRing: the thread that enables a ring becomes its issuer, not the one that made it.
func TestDisabledRing(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best | SetupRDisabled})
	needFlags(t, r, SetupRDisabled|SetupSingleIssuer)
	sqe(t, r, 1).PrepNop()
	_, err := r.Submit()
	require.Equal(t, unix.EBADFD, err)
	onOtherThread(func() {
		require.NoError(t, r.Enable())
		require.NoError(t, r.Enable(), "the second time does nothing")
		require.Zero(t, r.Flags()&SetupRDisabled)
		requireRes(t, 0, one(t, r))
		require.NoError(t, r.Close())
	})
}

func TestRegisteredRingFD(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	err := r.RegisterRingFD()
	needRegister(t, RegisterRingFDs, err)
	require.NoError(t, r.RegisterRingFD(), "the second time does nothing")
	require.Equal(t, EnterRegisteredRing, r.enterFlags)
	sqe(t, r, 1).PrepNop()
	requireRes(t, 0, one(t, r))

	require.NoError(t, r.UnregisterRingFD())
	require.NoError(t, r.UnregisterRingFD())
	require.Zero(t, r.enterFlags)
	sqe(t, r, 2).PrepNop()
	requireRes(t, 0, one(t, r))
}

// TestRegisteredRingFDIsPerThread: closing from another thread must not touch that thread's own table.
func TestRegisteredRingFDIsPerThread(t *testing.T) {
	mine := newRing(t, 8, Params{})
	needRegister(t, RegisterRingFDs, mine.RegisterRingFD())
	onOtherThread(func() {
		other, err := New(8, Params{})
		require.NoError(t, err)
		require.NoError(t, other.RegisterRingFD())
		require.Equal(t, mine.ringFD.index, other.ringFD.index, "both have the first place of their table")
		require.NoError(t, mine.UnregisterRingFD())
		other.GetSQE().PrepNop()
		_, err = other.SubmitAndWait(1, watchdog)
		require.NoError(t, err, "other's entry is still there")
		require.NoError(t, other.Close())
	})
	sqe(t, mine, 1).PrepNop()
	requireRes(t, 0, one(t, mine))
	// The entry that was left goes here, on its own thread, so that the ring can end.
	mine.ringFD = registeredFD{tid: unix.Gettid(), index: 0}
}

// TestSQPoll: the kernel's thread takes entries by itself while it is awake, and each way of submitting wakes
// it when it sleeps.
func TestSQPoll(t *testing.T) {
	until := func(t *testing.T, what string, ok func() bool) {
		for end := time.Now().Add(watchdog); !ok(); goruntime.Gosched() {
			require.True(t, time.Now().Before(end), what)
		}
	}
	for name, submit := range map[string]func(t *testing.T, r *Ring){
		"submit": func(t *testing.T, r *Ring) {
			n, err := r.Submit()
			require.NoError(t, err)
			require.Equal(t, 1, n)
		},
		"get events": func(t *testing.T, r *Ring) {
			_, err := r.SubmitAndGetEvents()
			require.NoError(t, err)
		},
		"wait": func(t *testing.T, r *Ring) {
			_, err := r.SubmitAndWait(1, watchdog)
			require.NoError(t, err)
			require.NotZero(t, r.CQReady(), "waited for a thread that sleeps")
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRing(t, 8, Params{Flags: SetupSQPoll, SQThreadIdle: 1})
			for i := range uint64(5) {
				sqe(t, r, i).PrepNop()
				submit(t, r)
				until(t, "nobody takes the entry", func() bool { return r.CQReady() > 0 }) // without another enter
				require.Equal(t, []CQE{{UserData: i}}, peekAll(r))
				until(t, "the kernel's thread does not fall asleep", func() bool {
					return atomic.LoadUint32(r.sq.flags)&sqNeedWakeup != 0
				})
			}
		})
	}
}
