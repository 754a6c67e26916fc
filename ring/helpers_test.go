//go:build linux

package ring

import (
	"errors"
	"fmt"
	"os"
	goruntime "runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// watchdog ends a test that hangs. No test is decided by it.
const watchdog = 20 * time.Second

// best are the flags of the reference combination; New peels what this kernel lacks.
const best = SetupSingleIssuer | SetupDeferTaskrun | SetupSubmitAll | SetupNoSQArray

func TestMain(m *testing.M) {
	primeNetpoll()
	before := countFDs()
	code := m.Run()
	if after := countFDs(); code == 0 && after > before {
		fmt.Fprintf(os.Stderr, "descriptors leaked: %d before the tests, %d after\n", before, after)
		code = 1
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// primeNetpoll makes the Go runtime open its epoll descriptors, so that they are not counted as a leak.
func primeNetpoll() {
	r, w, err := os.Pipe()
	if err == nil {
		r.Close()
		w.Close()
	}
}

func countFDs() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	return len(list) - 1 // the directory itself
}

// newRing makes a ring and locks the test to its thread. The ring is drained and closed at the end.
func newRing(t testing.TB, entries uint32, p Params) *Ring {
	t.Helper()
	goruntime.LockOSThread()
	t.Cleanup(goruntime.UnlockOSThread)
	r, err := New(entries, p)
	skipUnlessAllowed(t, err)
	require.NoError(t, err)
	t.Cleanup(func() { drain(t, r) })
	return r
}

// onRing is a subtest with a ring of its own: a subtest runs on another thread than its parent.
func onRing(t *testing.T, name string, f func(t *testing.T, r *Ring)) {
	t.Run(name, func(t *testing.T) { f(t, newRing(t, 16, Params{Flags: best})) })
}

func skipUnlessAllowed(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EACCES) {
		t.Skipf("no io_uring here: %v: %s", err, SetupMeaning(err))
	}
}

// drain cancels what is in flight, waits for it and closes the ring: the test's memory is about to go.
func drain(t testing.TB, r *Ring) {
	if r.FD() < 0 {
		return
	}
	if r.Flags()&SetupRDisabled == 0 {
		err := r.RegisterSyncCancel(SyncCancel{Flags: CancelAny | CancelAll, Timeout: -1})
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) &&
			!errors.Is(err, unix.EACCES) {
			require.NoError(t, err, "drain")
		}
		_, err = r.SubmitAndGetEvents()
		require.NoError(t, err, "drain")
	}
	require.NoError(t, r.Close())
}

// sqe returns a fresh entry with the user data set.
func sqe(t testing.TB, r *Ring, userData uint64) *SQE {
	t.Helper()
	s := r.GetSQE()
	require.NotNil(t, s, "submission queue is full")
	s.UserData = userData
	return s
}

// reap submits and waits until n completions have come, and returns them in order.
func reap(t testing.TB, r *Ring, n int) []CQE {
	t.Helper()
	var all []CQE
	for len(all) < n {
		all = append(all, some(t, r)...)
	}
	require.Len(t, all, n, "%v", all)
	return all
}

// some submits, waits for a completion and returns all that are there.
func some(t testing.TB, r *Ring) []CQE {
	t.Helper()
	deadline := time.Now().Add(watchdog)
	for {
		_, err := r.SubmitAndWait(1, watchdog)
		if err != unix.EINTR {
			require.NoError(t, err)
		}
		if cqes := peekAll(r); len(cqes) > 0 {
			return cqes
		}
		require.True(t, time.Now().Before(deadline), "no completion")
	}
}

// one submits and waits for the only completion.
func one(t testing.TB, r *Ring) CQE {
	t.Helper()
	return reap(t, r, 1)[0]
}

// byUserData is reap for completions whose order is open; user data must be unique.
func byUserData(t testing.TB, r *Ring, n int) map[uint64]CQE {
	t.Helper()
	m := make(map[uint64]CQE)
	for _, c := range reap(t, r, n) {
		require.NotContains(t, m, c.UserData)
		m[c.UserData] = c
	}
	return m
}

func peekAll(r *Ring) []CQE {
	var batch [16]CQE
	var all []CQE
	for {
		n := r.PeekBatch(batch[:])
		if n == 0 {
			return all
		}
		all = append(all, batch[:n]...)
	}
}

// requireRes checks a result, an errno as errno.
func requireRes(t testing.TB, want int, c CQE) {
	t.Helper()
	if c.Res < 0 {
		require.Equal(t, want, int(c.Res), "%v: %v", c, unix.Errno(-c.Res))
	}
	require.Equal(t, want, int(c.Res), "%v", c)
}

func requireErrno(t testing.TB, want unix.Errno, c CQE) {
	t.Helper()
	requireRes(t, -int(want), c)
}

// needOps skips the test unless the ring's kernel carries out all of ops.
func needOps(t testing.TB, r *Ring, ops ...Op) {
	t.Helper()
	p, err := r.RegisterProbe()
	require.NoError(t, err)
	for _, op := range ops {
		if !p.Supported(op) {
			t.Skipf("this kernel has no %v (%s)", op, op.Since())
		}
	}
}

func needFlags(t testing.TB, r *Ring, want SetupFlags) {
	t.Helper()
	if missing := want &^ r.Flags(); missing != 0 {
		t.Skipf("this kernel has no setup flag %v", missing)
	}
}

func needFeatures(t testing.TB, r *Ring, want Features) {
	t.Helper()
	if missing := want &^ r.Features(); missing != 0 {
		t.Skipf("this kernel has no feature %v", missing)
	}
}

// needRegister skips the test if err says that the kernel does not know the register call.
func needRegister(t testing.TB, op RegisterOp, err error) {
	t.Helper()
	if errors.Is(err, unix.EINVAL) {
		if q, qerr := Query(); qerr == nil && q.RegisterOpcodes > uint32(op) {
			require.NoError(t, err, "%v is known to this kernel", op)
		}
		t.Skipf("this kernel has no %v", op)
	}
	require.NoError(t, err)
}

// closeLater closes a descriptor at the end of the test, before the rings made earlier.
func closeLater(t testing.TB, fds ...int) {
	t.Cleanup(func() {
		for _, fd := range fds {
			require.NoError(t, unix.Close(fd))
		}
	})
}

func socketpair(t testing.TB, typ int) (a, b int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	closeLater(t, fds[0], fds[1])
	return fds[0], fds[1]
}

func pipe(t testing.TB) (r, w int) {
	t.Helper()
	var fds [2]int
	require.NoError(t, unix.Pipe2(fds[:], unix.O_CLOEXEC))
	closeLater(t, fds[0], fds[1])
	return fds[0], fds[1]
}

func write(t testing.TB, fd int, s string) {
	t.Helper()
	n, err := unix.Write(fd, []byte(s))
	require.NoError(t, err)
	require.Equal(t, len(s), n)
}

// held keeps what the kernel was given alive to the end of the test binary.
var held []any

// keep holds v, whose address goes to the kernel as an integer that the garbage collector does not see.
func keep[T any](v T) T {
	held = append(held, v)
	return v
}

// memory returns n bytes that may be given to the kernel.
func memory(n int) []byte { return keep(make([]byte, n)) }
