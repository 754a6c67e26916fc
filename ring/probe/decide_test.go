package probe

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// fakeReport is what a mainline kernel of this version would give.
func fakeReport(kernel string) *Report {
	f := fakeFacts(fakeRoot(map[string]string{pathRelease: kernel}))
	return assemble(f, live{attempts: allowed, found: foundUpTo(f.host.Kernel)})
}

func blockedReport() *Report {
	f := fakeFacts(fakeRoot(map[string]string{pathStatus: fakeStatus(seccompFilter)}))
	return assemble(f, live{attempts: refused(callSetup, syscall.EPERM)})
}

func TestDecideByKernel(t *testing.T) {
	for kernel, want := range map[string]string{
		"5.10.0":  "epoll: io_uring lacks multishot recv over a buffer ring (Linux 6.0)",
		"5.15.0":  "epoll: io_uring lacks multishot recv over a buffer ring (Linux 6.0)",
		"5.19.0":  "epoll: io_uring lacks multishot recv over a buffer ring (Linux 6.0)",
		"6.0.0":   "io_uring: usable",
		"6.1.0":   "io_uring: usable",
		"6.6.1":   "io_uring: usable",
		"6.12.38": "io_uring: usable",
		"6.18.44": "io_uring: usable",
	} {
		require.Equal(t, want, Decide(fakeReport(kernel), Want{}).String(), kernel)
	}
}

func TestDecideFeatures(t *testing.T) {
	old := Decide(fakeReport("6.1.0"), Want{})
	require.True(t, old.Has(FeatDeferTaskrun))
	require.False(t, old.Has(FeatNoSQArray))

	bad := fakeReport("6.6.9")
	f, _ := bad.Feature(FeatDeferTaskrun)
	require.Equal(t, Yes, f.State)
	require.Equal(t, "known bad: multishot accept returns wrong descriptors", f.Off)
	require.NotEmpty(t, f.OffLink)
	require.False(t, Decide(bad, Want{}).Has(FeatDeferTaskrun))

	off := Decide(fakeReport("6.18.44"), Want{Off: []string{FeatSendZC}})
	require.Equal(t, EngineIOUring, off.Engine)
	require.False(t, off.Has(FeatSendZC))
	require.True(t, off.Has(FeatSendmsgZC))

	floor := Decide(fakeReport("6.18.44"), Want{Off: []string{FeatRecvMultishot}})
	require.Equal(t, EngineEpoll, floor.Engine)
	require.Contains(t, floor.Reason, "switched off")

	require.Empty(t, Decide(blockedReport(), Want{}).Features)
}

func TestDecideRequire(t *testing.T) {
	want := Want{Require: []string{FeatNoSQArray}}
	require.Equal(t, EngineIOUring, Decide(fakeReport("6.6.30"), want).Engine)
	d := Decide(fakeReport("6.1.0"), want)
	require.Equal(t, "epoll: io_uring lacks NO_SQARRAY (Linux 6.6)", d.String())
	d = Decide(fakeReport("6.18.0"), Want{Require: []string{"warp_drive"}})
	require.Equal(t, `epoll: there is no feature "warp_drive"`, d.String())
	d = Decide(fakeReport("6.12.0"), Want{Require: []string{FeatRecvBundle}})
	require.Contains(t, d.Reason, "known bad")
}

func TestDecideNamed(t *testing.T) {
	d := Decide(fakeReport("6.18.44"), Want{Engine: EngineIOUring})
	require.Equal(t, "io_uring: usable", d.String())
	require.NotEmpty(t, d.Features)
	require.NoError(t, d.Err())

	for _, engine := range []string{EngineEpoll, EnginePortable} {
		d = Decide(fakeReport("6.18.44"), Want{Engine: engine})
		require.Equal(t, engine+": asked for", d.String())
		require.NoError(t, d.Err())
		require.Empty(t, d.Features)
	}

	d = Decide(blockedReport(), Want{Engine: EngineIOUring})
	require.Empty(t, d.Engine)
	require.Equal(t, "none: io_uring blocked by seccomp", d.String())
	err := d.Err()
	require.EqualError(t, err, "engine io_uring can not run: io_uring blocked by seccomp")
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorIs(t, err, syscall.EPERM)

	d = Decide(fakeReport("6.18.44"), Want{Engine: "kqueue"})
	require.ErrorIs(t, d.Err(), errors.ErrUnsupported)
	require.Equal(t, d, Decide(fakeReport("6.18.44"), Want{Engine: "kqueue"}))
	require.Equal(t, Decide(blockedReport(), Want{}), Decide(blockedReport(), Want{Engine: "auto"}))
}

func TestDecideElsewhere(t *testing.T) {
	f := fakeFacts(fakeRoot(nil))
	f.host.OS = "darwin"
	d := Decide(assemble(f, live{}), Want{})
	require.Equal(t, "portable: io_uring needs Linux, this is darwin", d.String())
	require.Len(t, d.Rejected, 2)
	require.Equal(t, EnginePortable, Decide(nil, Want{}).Engine)
	require.Error(t, Decide(nil, Want{Engine: EngineIOUring}).Err())
}

func TestDecideWithoutEpoll(t *testing.T) {
	f := fakeFacts(fakeRoot(map[string]string{pathStatus: fakeStatus(seccompFilter)}))
	r := assemble(f, live{
		attempts: refused(callSetup, syscall.EPERM),
		epoll:    epollAnswer{call: "epoll_create1", errno: syscall.EPERM},
	})
	d := Decide(r, Want{})
	require.Equal(t, "portable: io_uring blocked by seccomp", d.String())
	require.Equal(t, "epoll refused (epoll_create1: EPERM)", d.Rejected[1].Reason)
}

func TestDecideUnknown(t *testing.T) {
	f := fakeFacts(fakeRoot(nil))
	found := foundUpTo(Version{6, 12, 0})
	found[FeatConnect] = finding{how: ByRoundTrip, note: "no completion in time"}
	d := Decide(assemble(f, live{attempts: allowed, found: found}), Want{})
	require.Equal(t, "epoll: io_uring could not show connect: no completion in time", d.String())
}

// Where RLIMIT_MEMLOCK has room for the rings, but none for a buffer ring, that is what
// is said.
func TestDecideOutOfMemlock(t *testing.T) {
	found := foundUpTo(Version{6, 18, 0})
	found[FeatPbufRing] = finding{how: ByRegister, errno: syscall.ENOMEM}
	report := func(soft string) *Report {
		f := fakeFacts(fakeRoot(map[string]string{pathLimits: fakeLimits(soft, soft)}))
		return assemble(f, live{attempts: allowed, found: found})
	}
	r := report("53248")
	require.Equal(t, &Block{Cause: CauseMemlock, Call: callRegister, Errno: Errno(syscall.ENOMEM),
		Reason: "io_uring blocked by RLIMIT_MEMLOCK"}, r.Block)
	require.Equal(t, "epoll: io_uring blocked by RLIMIT_MEMLOCK", Decide(r, Want{}).String())
	g, _ := r.Gate(gateMemlock)
	require.Equal(t, StatusFail, g.Status)
	require.Contains(t, r.Hints[0].ID, "memlock")
	require.True(t, r.Hints[0].Fix)

	r = report("unlimited")
	require.Nil(t, r.Block)
	require.Equal(t, "epoll: io_uring could not show buffer ring", Decide(r, Want{}).String())

	found[FeatPbufRing] = finding{state: Yes, how: ByRegister}
	found[FeatRecvmsgMultishot] = finding{how: ByRoundTrip, errno: syscall.ENOMEM}
	require.Equal(t, callEnter, report("53248").Block.Call)

	found[FeatRecvmsgMultishot] = finding{state: Yes}
	found[FeatRegisteredBuffers] = finding{state: No, how: ByRegister, errno: syscall.ENOMEM}
	require.Nil(t, report("53248").Block, "io_uring does without")
}

// Whatever was found: the decision is total, repeatable, and never an engine that
// a required feature speaks against.
func TestDecideAlways(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		found := make(map[string]finding)
		sound := true
		for _, f := range catalogue {
			state := rapid.SampledFrom([]State{Yes, Yes, Yes, Yes, Yes, No, Unknown}).Draw(t, f.ID)
			found[f.ID] = finding{state: state}
			sound = sound && (state == Yes || !f.Required)
		}
		r := assemble(fakeFacts(fakeRoot(nil)), live{attempts: allowed, found: found})
		d := Decide(r, Want{})
		if sound != (d.Engine == EngineIOUring) {
			t.Fatalf("%v although sound is %v", d, sound)
		}
		for _, id := range d.Features {
			if found[id].state != Yes {
				t.Fatalf("%s is in use and %v", id, found[id].state)
			}
		}
		if again := Decide(r, Want{}); again.String() != d.String() || !slices.Equal(again.Features, d.Features) {
			t.Fatalf("%v, then %v", d, again)
		}
		chosen := 0
		for _, e := range r.Engines {
			if e.Chosen {
				chosen++
				if e.Engine != d.Engine || !e.Ready {
					t.Fatalf("report chooses %+v, Decide %s", e, d.Engine)
				}
			}
		}
		if chosen != 1 {
			t.Fatalf("%d engines chosen", chosen)
		}
	})
}

func TestLogValues(t *testing.T) {
	var out bytes.Buffer
	drop := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: drop}))
	r := blockedReport()
	log.Info("engine", "decision", Decide(r, Want{}), "host", r)
	require.Equal(t, `level=INFO msg=engine decision.engine=epoll `+
		`decision.reason="io_uring blocked by seccomp" host.os=linux host.kernel=6.12.38-amd64 `+
		`host.blocked="io_uring blocked by seccomp" host.cause=seccomp `+
		"host.took=0s\n", out.String())
	require.NotPanics(t, func() { log.Info("nothing", "report", (*Report)(nil)) })
}
