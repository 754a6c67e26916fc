//go:build linux

package ring

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// everyLayout runs f with and without the submission index array.
func everyLayout(t *testing.T, f func(t *testing.T, flags SetupFlags)) {
	t.Run("sqarray", func(t *testing.T) { f(t, best&^SetupNoSQArray) })
	t.Run("no sqarray", func(t *testing.T) { f(t, best) })
}

func TestSQFull(t *testing.T) {
	everyLayout(t, func(t *testing.T, flags SetupFlags) {
		r := newRing(t, 4, Params{Flags: flags})
		for round := range 3 {
			for i := range 4 {
				require.Equal(t, uint32(4-i), r.SQSpaceLeft())
				require.Equal(t, uint32(i), r.SQReady())
				sqe(t, r, uint64(round*4+i)).PrepNop()
			}
			require.Nil(t, r.GetSQE())
			require.Zero(t, r.SQSpaceLeft())
			n, err := r.Submit()
			require.NoError(t, err)
			require.Equal(t, 4, n)
			require.Zero(t, r.SQReady())
			for i, c := range reap(t, r, 4) {
				require.Equal(t, uint64(round*4+i), c.UserData)
			}
		}
		require.Zero(t, r.SQDropped())
	})
}

func TestGetSQEIsZeroed(t *testing.T) {
	r := newRing(t, 2, Params{Flags: best})
	for range 6 {
		s := r.GetSQE()
		require.Equal(t, SQE{}, *s)
		*s = SQE{Opcode: OpNop, UserData: ^uint64(0), Personality: 0, BufIG: 0, FileIndex: 0, pad2: 0}
		s.Off, s.Addr, s.Addr3, s.FD = 1, 2, 3, -1
		one(t, r)
	}
}

// TestQueuesAnyPattern submits and reaps in random portions: every entry completes once, in order, over
// many turns of both rings.
func TestQueuesAnyPattern(t *testing.T) {
	everyLayout(t, func(t *testing.T, flags SetupFlags) {
		r := newRing(t, 8, Params{Flags: flags | SetupCQSize, CQEntries: 16})
		var next, seen uint64
		rapid.Check(t, func(t *rapid.T) {
			steps := rapid.SliceOfN(rapid.IntRange(0, 10), 1, 30).Draw(t, "steps")
			for _, k := range steps {
				for range k {
					s := r.GetSQE()
					if s == nil {
						break
					}
					s.PrepNop()
					s.UserData = next
					next++
				}
				if _, err := r.SubmitAndGetEvents(); err != nil && err != unix.EBUSY {
					t.Fatal(err)
				}
				batch := make([]CQE, k)
				for _, c := range batch[:r.PeekBatch(batch)] {
					if c.UserData != seen {
						t.Fatalf("completion %d came as %d", seen, c.UserData)
					}
					seen++
				}
			}
			for seen < next { // settle before the next pattern
				if _, err := r.SubmitAndGetEvents(); err != nil && err != unix.EBUSY {
					t.Fatal(err)
				}
				for _, c := range peekAll(r) {
					if c.UserData != seen {
						t.Fatalf("completion %d came as %d", seen, c.UserData)
					}
					seen++
				}
			}
		})
		require.Zero(t, r.CQOverflow())
	})
}

func TestPeekBatchWraps(t *testing.T) {
	r := newRing(t, 4, Params{Flags: best | SetupCQSize, CQEntries: 4})
	needFlags(t, r, SetupCQSize)
	for i := range 3 { // puts the head three places in
		sqe(t, r, uint64(i)).PrepNop()
	}
	reap(t, r, 3)
	for i := range 4 {
		sqe(t, r, uint64(10+i)).PrepNop()
	}
	_, err := r.SubmitAndWait(4, watchdog)
	require.NoError(t, err)
	require.Equal(t, uint32(4), r.CQReady())

	require.Zero(t, r.PeekBatch(nil))
	dst := make([]CQE, 3)
	require.Equal(t, 3, r.PeekBatch(dst))
	require.Equal(t, []CQE{{UserData: 10}, {UserData: 11}, {UserData: 12}}, dst)
	require.Equal(t, uint32(1), r.CQReady())
	require.Equal(t, 1, r.PeekBatch(dst))
	require.Equal(t, uint64(13), dst[0].UserData)
	require.Zero(t, r.PeekBatch(dst))
}

// TestCQOverflow: completions that find the queue full wait in the kernel, are announced, and are flushed by
// an enter call, in order and without loss.
func TestCQOverflow(t *testing.T) {
	r := newRing(t, 4, Params{Flags: best | SetupCQSize, CQEntries: 4})
	needFlags(t, r, SetupCQSize)
	needFeatures(t, r, FeatNoDrop)
	const total = 20
	for i := range total {
		sqe(t, r, uint64(i)).PrepNop()
		n, err := r.Submit()
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	require.Equal(t, uint32(4), r.CQReady())
	require.True(t, r.NeedsEnter(), "CQ_OVERFLOW must be shown")
	for i, c := range reap(t, r, total) {
		require.Equal(t, uint64(i), c.UserData)
	}
	require.False(t, r.NeedsEnter())
	require.Zero(t, r.CQOverflow(), "none was lost")
}

// TestSubmitStopsAtBadEntry: without SUBMIT_ALL the entries behind one that fails at once stay queued.
func TestSubmitStopsAtBadEntry(t *testing.T) {
	r := newRing(t, 4, Params{})
	prepare := func() {
		sqe(t, r, 1).PrepNop()
		bad := sqe(t, r, 2)
		bad.PrepNop()
		bad.Opcode = 255
		sqe(t, r, 3).PrepNop()
	}
	prepare()
	n, err := r.Submit()
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, uint32(1), r.SQReady())
	cqes := byUserData(t, r, 3)
	requireErrno(t, unix.EINVAL, cqes[2])
	requireRes(t, 0, cqes[3])

	all := newRing(t, 4, Params{Flags: SetupSubmitAll})
	needFlags(t, all, SetupSubmitAll)
	r = all
	prepare()
	n, err = r.Submit()
	require.NoError(t, err)
	require.Equal(t, 3, n)
	requireErrno(t, unix.EINVAL, byUserData(t, r, 3)[2])
}

func TestResizeRings(t *testing.T) {
	r := newRing(t, 4, Params{Flags: best})
	needFlags(t, r, resizable)
	for i := range 7 { // moves all heads off zero
		sqe(t, r, uint64(i)).PrepNop()
		one(t, r)
	}
	for i := range 3 { // in the completion queue
		sqe(t, r, uint64(100+i)).PrepNop()
	}
	_, err := r.SubmitAndWait(3, watchdog)
	require.NoError(t, err)
	for i := range 3 { // in the submission queue
		sqe(t, r, uint64(200+i)).PrepNop()
	}
	needRegister(t, RegisterResizeRings, r.ResizeRings(16, 64))
	require.Equal(t, uint32(16), r.SQEntries())
	require.Equal(t, uint32(64), r.CQEntries())
	require.Equal(t, uint32(3), r.SQReady())
	require.Equal(t, uint32(13), r.SQSpaceLeft())

	var got []uint64
	for _, c := range reap(t, r, 6) {
		got = append(got, c.UserData)
	}
	require.Equal(t, []uint64{100, 101, 102, 200, 201, 202}, got)
	for i := range 40 { // and on, around the new rings
		sqe(t, r, uint64(i)).PrepNop()
		require.Equal(t, uint64(i), one(t, r).UserData)
	}

	for i := range 8 {
		sqe(t, r, uint64(i)).PrepNop()
	}
	require.ErrorIs(t, r.ResizeRings(4, 8), unix.EOVERFLOW, "eight entries do not fit in four places")
	require.Len(t, reap(t, r, 8), 8, "and nothing has changed")
}

func TestResizeNeedsItsFlags(t *testing.T) {
	r := newRing(t, 4, Params{Flags: best &^ SetupNoSQArray})
	require.ErrorIs(t, r.ResizeRings(16, 64), errors.ErrUnsupported)
}
