//go:build linux

package probe

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/ring/probe/probetest"
)

// here probes this machine, and skips the test where io_uring is blocked: then
// there is nothing live to see.
func here(t *testing.T) *Report {
	t.Helper()
	r, err := Run(t.Context(), Options{})
	require.NoError(t, err)
	if r.Block != nil {
		t.Skip(r.Block.Reason)
	}
	return r
}

// usable is here where io_uring runs, and skips where it lacks what the engine
// needs.
func usable(t *testing.T) *Report {
	t.Helper()
	r := here(t)
	if d := Decide(r, Want{}); d.Engine != EngineIOUring {
		t.Skip(d.Reason)
	}
	return r
}

// A kernel as new as a feature's first one has it. The other way round proves
// nothing, because distributions carry features back.
func TestFirstKernelsHoldHere(t *testing.T) {
	r := here(t)
	require.False(t, r.Host.Kernel.IsZero())
	for _, f := range r.Features {
		if !r.Host.Kernel.Less(f.Since) {
			require.Equal(t, Yes, f.State, "%s on %s: %v %s", f.ID, r.Host.Release, f.Errno, f.Note)
		}
		require.True(t, f.How != "" || f.Note != "", f.ID)
	}
	for _, op := range r.Ops {
		if !r.Host.Kernel.Less(op.Since) && !r.Host.Kernel.Less(Version{5, 6, 0}) {
			require.Equal(t, Yes, op.State, "%s on %s", op.Name, r.Host.Release)
		}
	}
	failed := 0
	for _, g := range r.Gates {
		failed += b2i(g.Status == StatusFail)
	}
	if Decide(r, Want{}).Engine == EngineIOUring {
		require.Zero(t, failed, "%+v", r.Gates)
	} else {
		require.Equal(t, 1, failed, "the kernel gate alone: %+v", r.Gates)
	}
}

func TestRunLeavesNothing(t *testing.T) {
	here(t)
	fds, maps := descriptors(t), mappings(t)
	for range 100 {
		_, err := Run(t.Context(), Options{})
		require.NoError(t, err)
	}
	require.Equal(t, fds, descriptors(t))
	require.NotContains(t, mappings(t), "io_uring")
	grown := strings.Count(mappings(t), "\n") - strings.Count(maps, "\n")
	require.Less(t, grown, 50, "a mapping stays behind every run")
	for _, name := range threads(t) {
		require.NotContains(t, name, "iou-", "a kernel worker was started")
	}
}

func descriptors(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

func mappings(t *testing.T) string {
	text, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	return string(text)
}

func threads(t *testing.T) []string {
	var names []string
	paths, err := filepath.Glob("/proc/self/task/*/comm")
	require.NoError(t, err)
	for _, path := range paths {
		if text, err := os.ReadFile(path); err == nil { // a thread may end meanwhile
			names = append(names, strings.TrimSpace(string(text)))
		}
	}
	require.NotEmpty(t, names)
	return names
}

func TestRunConcurrently(t *testing.T) {
	want := Decide(here(t), Want{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				r, err := Run(context.Background(), Options{})
				if err != nil {
					t.Error(err)
				} else if got := Decide(r, Want{}); got.String() != want.String() {
					t.Errorf("%v, alone it was %v", got, want)
				}
			}
		})
	}
	wg.Wait()
}

func TestRunCutShort(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	fds := descriptors(t)
	r, err := Run(ctx, Options{})
	require.ErrorIs(t, err, context.Canceled)
	require.Nil(t, r)
	require.Equal(t, fds, descriptors(t))
}

// With io_uring_disabled=2 in a fake /proc no ring is made, on a kernel that would
// have made one.
func TestRunBelievesTheSysctl(t *testing.T) {
	r, err := Run(t.Context(), Options{FS: fakeRoot(map[string]string{pathDisabled: "2\n"})})
	require.NoError(t, err)
	require.Equal(t, "epoll: io_uring blocked by sysctl", Decide(r, Want{}).String())
	require.Equal(t, Errno(unix.EPERM), r.Block.Errno)
	g, _ := r.Gate(gateSyscall)
	require.Equal(t, StatusSkipped, g.Status)
	g, _ = r.Gate(gateSysctl)
	require.Equal(t, StatusFail, g.Status)
	require.Equal(t, "kernel.io_uring_disabled=2", g.Value)
	require.Equal(t, "sysctl_enable", r.Hints[0].ID)
}

// What is in flight when a trial ends is cancelled and reaped before its memory
// goes.
func TestTrialEndsWhatIsInFlight(t *testing.T) {
	usable(t)
	r, err := ring.New(32, ring.Params{})
	require.NoError(t, err)
	tr, err := newTrial(t.Context(), r)
	require.NoError(t, err)
	fds, err := unix.Socketpair(unix.AF_UNIX, socketType, 0)
	require.NoError(t, err)
	defer closeAll(fds[0], fds[1])
	many := 2 * len(tr.batch) // more than come along with the cancel's own completion
	for range many {
		_, err = tr.start(func(s *ring.SQE) { s.PrepRecv(fds[0], tr.take(64), 0) })
		require.NoError(t, err)
	}
	require.Equal(t, many, tr.inFlight)
	tr.close()
	require.Zero(t, tr.inFlight)
	require.Equal(t, -1, r.FD())
}

func TestJudge(t *testing.T) {
	tr := &trial{}
	for _, tt := range []struct {
		cqe  ring.CQE
		err  error
		ok   bool
		want State
	}{
		{ring.CQE{}, nil, true, Yes},
		{ring.CQE{Res: 5}, nil, false, No},
		{ring.CQE{Res: -int32(unix.EINVAL)}, nil, true, No},
		{ring.CQE{Res: -int32(unix.EACCES)}, nil, true, No},
		{ring.CQE{Res: -int32(unix.ENOMEM)}, nil, true, Unknown},
		{ring.CQE{Res: -int32(unix.ENOBUFS)}, nil, true, Unknown},
		{ring.CQE{}, errNoCompletion, true, Unknown},
		{ring.CQE{}, context.Canceled, true, Unknown},
		{ring.CQE{}, unix.EMFILE, true, Unknown},
	} {
		require.Equal(t, tt.want, tr.judge(tt.cqe, tt.err, tt.ok).state, "%+v", tt)
	}
}

// Without descriptors nothing can be found out, and that is what is said.
func TestRunWithoutDescriptors(t *testing.T) {
	if probetest.Parent(t, probetest.Sandbox{NoFile: 64}) {
		return
	}
	var held []int
	for {
		fd, err := unix.Dup(2)
		if err != nil {
			require.ErrorIs(t, err, unix.EMFILE)
			break
		}
		held = append(held, fd)
	}
	r, err := Run(t.Context(), Options{FS: fakeRoot(nil)})
	closeAll(held...)
	require.NoError(t, err)
	require.Equal(t, CauseLimits, r.Block.Cause)
	d := Decide(r, Want{})
	require.Equal(t, "portable: io_uring could not be set up (io_uring_setup: EMFILE)", d.String())
	require.Equal(t, Errno(unix.EMFILE), d.Rejected[1].Errno)
}

// The loopback of a new network namespace is down. io_uring is as good there.
func TestListenUnix(t *testing.T) {
	usable(t)
	r, err := ring.New(8, ring.Params{})
	require.NoError(t, err)
	tr, err := newTrial(t.Context(), r)
	require.NoError(t, err)
	defer tr.close()
	l := live{found: make(map[string]finding)}
	listener, client, to, err := tr.listenUnix()
	require.NoError(t, err)
	p, err := l.meet(tr, listener, client, to)
	require.NoError(t, err)
	defer p.discard()
	require.Equal(t, Yes, l.found[FeatConnect].state)
	require.Equal(t, Yes, l.found[FeatAcceptMultishot].state)
	require.Equal(t, Yes, tr.sendRecv(p).state)
	send, report := l.sendZC(tr, p)
	require.Equal(t, ByOpcode, send.how)
	require.Equal(t, Unknown, report.state, "there is no zero-copy over AF_UNIX")
}

// A connect that fails is not taken for a refusal of the operation's neighbours, and
// nothing of it stays behind.
func TestMeetWithoutAWay(t *testing.T) {
	usable(t)
	r, err := ring.New(8, ring.Params{})
	require.NoError(t, err)
	tr, err := newTrial(t.Context(), r)
	require.NoError(t, err)
	fds := descriptors(t)
	l := live{found: make(map[string]finding)}
	listener, client, to, err := tr.listenLoopback()
	require.NoError(t, err)
	*(*uint16)(to.ptr) = unix.AF_APPLETALK
	p, err := l.meet(tr, listener, client, to)
	require.ErrorIs(t, err, unix.EAFNOSUPPORT)
	p.discard()
	require.Equal(t, fds, descriptors(t))
	require.Equal(t, Unknown, l.found[FeatConnect].state)
	require.NotContains(t, l.found, FeatAcceptMultishot)
	tr.close()
	require.Zero(t, tr.inFlight)
}

func BenchmarkRun(b *testing.B) {
	for b.Loop() {
		if _, err := Run(b.Context(), Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
