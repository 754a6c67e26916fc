//go:build linux

package probe

import (
	"context"
	"fmt"
	"os"
	goruntime "runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/ring/probe/probetest"
)

func TestErrnosOfWaits(t *testing.T) {
	require.Equal(t, "ETIME", Errno(unix.ETIME).String())
	require.Equal(t, "EBADFD", Errno(unix.EBADFD).String())
}

// Where RLIMIT_MEMLOCK binds, what it refuses is asked for again, but not for ever, and
// once that was in vain not at all.
func TestRoom(t *testing.T) {
	calls := 0
	refused := func(times int, then error) func() error {
		calls = 0
		return func() error {
			if calls++; calls > times {
				return then
			}
			return fmt.Errorf("setup: %w", os.NewSyscallError("io_uring_setup", unix.ENOMEM))
		}
	}
	tight := fakeFacts(fakeRoot(map[string]string{pathLimits: fakeLimits("65536", "65536")}))
	free := fakeFacts(fakeRoot(map[string]string{pathLimits: fakeLimits("unlimited", "unlimited")}))

	m := newRoom(t.Context(), free)
	require.ErrorIs(t, m.ask(refused(1, nil)), unix.ENOMEM)
	require.Equal(t, 1, calls, "memory has run out, and that is no limit's doing")

	m = newRoom(t.Context(), tight)
	for range 3 {
		require.NoError(t, m.ask(refused(3, nil)))
		require.Equal(t, 4, calls)
		require.Equal(t, memlockPatience, m.left, "there is room, so it is worth waiting again")
	}
	require.ErrorIs(t, m.ask(refused(2, unix.EINVAL)), unix.EINVAL)
	require.Equal(t, 3, calls)
	require.ErrorIs(t, m.ask(refused(1000, nil)), unix.ENOMEM)
	require.Equal(t, 9, calls) // after 1, 2, 4, …, 64 and 73 ms
	require.ErrorIs(t, m.ask(refused(1, nil)), unix.ENOMEM)
	require.Equal(t, 1, calls)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m = &room{ctx: ctx, left: time.Hour}
	require.ErrorIs(t, m.ask(refused(1000, nil)), unix.ENOMEM)
}

func TestTimedOut(t *testing.T) {
	answers := []error{unix.EINTR, unix.EINTR, unix.ETIME, nil}
	tr := &trial{ctx: t.Context()}
	require.Equal(t, unix.ETIME, tr.timedOut(func() (int, error) {
		err := answers[0]
		answers = answers[1:]
		return 0, err
	}))
	require.Len(t, answers, 1)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tr = &trial{ctx: ctx}
	require.Equal(t, unix.EINTR, tr.timedOut(func() (int, error) { return 0, unix.EINTR }))
}

// Signals that end the waits of a moment are no kernel without time-outs.
func TestWaitsUnderSignals(t *testing.T) {
	usable(t)
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	r, err := ring.New(8, ring.Params{})
	require.NoError(t, err)
	tr, err := newTrial(t.Context(), r)
	require.NoError(t, err)
	defer tr.close()
	defer probetest.Signals()()
	for range 500 {
		require.Equal(t, finding{state: Yes, how: ByRoundTrip}, tr.extArg())
		for _, try := range []func() finding{tr.minWait, tr.noIowait} {
			if f := try(); f.how != ByFeatures {
				require.Equal(t, finding{state: Yes, how: ByRoundTrip}, f)
			}
		}
	}
}

// Only an end that names a buffer, and does not say that the kernel keeps it, gives it
// back.
func TestGaveBack(t *testing.T) {
	for flags, want := range map[ring.CQEFlags]bool{
		0:                                false,
		ring.CQEBufMore:                  false,
		ring.CQEBuffer:                   true,
		ring.CQEBuffer | ring.CQEBufMore: false,
	} {
		require.Equal(t, want, gaveBack(ring.CQE{Flags: flags}), "%v", flags)
	}
}
