//go:build linux

package ring

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// fakeSetup stands for a kernel that knows some flags, and enforces the rules between them as io_uring_setup
// does. It records every try.
type fakeSetup struct {
	knows SetupFlags
	tries []SetupFlags
}

func (k *fakeSetup) setup(entries uint32, p Params) (*Ring, error) {
	k.tries = append(k.tries, p.Flags)
	if p.Flags&^k.knows != 0 || invalid(p.Flags) {
		return nil, os.NewSyscallError("io_uring_setup", unix.EINVAL)
	}
	return &Ring{fd: -1, params: p}, nil
}

func invalid(f SetupFlags) bool {
	const taskrun = SetupCoopTaskrun | SetupTaskrunFlag | SetupDeferTaskrun
	return f&SetupSQPoll != 0 && f&taskrun != 0 ||
		f&SetupTaskrunFlag != 0 && f&(SetupCoopTaskrun|SetupDeferTaskrun) == 0 ||
		f&SetupDeferTaskrun != 0 && f&SetupSingleIssuer == 0
}

func TestNewPeels(t *testing.T) {
	const (
		v55  = SetupIOPoll | SetupSQPoll | SetupSQAff | SetupCQSize
		v510 = v55 | SetupClamp | SetupAttachWQ | SetupRDisabled
		v518 = v510 | SetupSubmitAll
		v519 = v518 | SetupCoopTaskrun | SetupTaskrunFlag
		v60  = v519 | SetupSingleIssuer
		v61  = v60 | SetupDeferTaskrun
		v66  = v61 | SetupNoSQArray

		want = best | SetupCQSize | SetupClamp
		coop = SetupCoopTaskrun | SetupTaskrunFlag
	)
	for _, c := range []struct {
		kernel            string
		knows, want, gets SetupFlags
	}{
		{"6.6", v66, want, want},
		{"6.1", v61, want, want &^ SetupNoSQArray},
		{"6.0", v60, want, SetupSingleIssuer | coop | SetupSubmitAll | SetupCQSize | SetupClamp},
		{"5.19", v519, want, coop | SetupSubmitAll | SetupCQSize | SetupClamp},
		{"5.18", v518, want, SetupSubmitAll | SetupCQSize | SetupClamp},
		{"5.10", v510, want | SetupRDisabled, SetupCQSize | SetupClamp | SetupRDisabled},
		{"5.5", v55, want | SetupRDisabled, SetupCQSize},
		{"5.4", 0, want, 0},
		{"6.6 defer alone", v66, SetupDeferTaskrun, coop},
		{"6.6 taskrun flag alone", v66, SetupTaskrunFlag | SetupSubmitAll, SetupSubmitAll},
		{"6.6 sqpoll", v66, want | SetupSQPoll, want&^SetupDeferTaskrun | SetupSQPoll},
	} {
		t.Run(c.kernel, func(t *testing.T) {
			k := &fakeSetup{knows: c.knows}
			r, err := peel(8, Params{Flags: c.want}, k.setup)
			require.NoError(t, err)
			require.Equal(t, c.gets, r.Flags(), "%v", r.Flags())
		})
	}
}

func TestNewPeelsNewestFirst(t *testing.T) {
	k := &fakeSetup{}
	_, err := peel(8, Params{Flags: best | SetupCQSize}, k.setup)
	require.NoError(t, err)
	coop := SetupCoopTaskrun | SetupTaskrunFlag
	require.Equal(t, []SetupFlags{
		best | SetupCQSize,
		SetupDeferTaskrun | SetupSingleIssuer | SetupSubmitAll | SetupCQSize,
		coop | SetupSingleIssuer | SetupSubmitAll | SetupCQSize,
		coop | SetupSubmitAll | SetupCQSize,
		SetupSubmitAll | SetupCQSize,
		SetupCQSize,
		0,
	}, k.tries)
}

func TestNewKeepsWhatItMustNotDrop(t *testing.T) {
	k := &fakeSetup{}
	_, err := peel(8, Params{Flags: best | SetupIOPoll}, k.setup)
	require.ErrorIs(t, err, unix.EINVAL)
	require.Equal(t, SetupIOPoll, k.tries[len(k.tries)-1])
}

func TestNewStopsAtOtherErrors(t *testing.T) {
	for _, errno := range []unix.Errno{unix.EPERM, unix.ENOSYS, unix.ENOMEM, unix.EMFILE} {
		tries := 0
		_, err := peel(8, Params{Flags: best}, func(uint32, Params) (*Ring, error) {
			tries++
			return nil, fmt.Errorf("setup: %w", os.NewSyscallError("io_uring_setup", errno))
		})
		require.ErrorIs(t, err, errno)
		require.Equal(t, 1, tries)
	}
}

// TestNewAnyKernel: whatever a kernel knows, New ends up valid, within what was wanted or its substitute, and
// keeps every flag whose partners are there.
func TestNewAnyKernel(t *testing.T) {
	const substitute = SetupCoopTaskrun | SetupTaskrunFlag
	rapid.Check(t, func(t *rapid.T) {
		const peelable = best | substitute | SetupHybridIOPoll | SetupRDisabled | SetupClamp | SetupCQSize
		draw := rapid.Uint32Max(uint32(SetupCQEMixed<<1 - 1))
		want := SetupFlags(draw.Draw(t, "want")) & peelable
		k := &fakeSetup{knows: SetupFlags(draw.Draw(t, "knows"))}
		r, err := peel(8, Params{Flags: want}, k.setup)
		if err != nil {
			t.Fatalf("want %v on %v: %v", want, k.knows, err)
		}
		got := r.Flags()
		if extra := got &^ want; extra != 0 && (extra&^substitute != 0 || want&SetupDeferTaskrun == 0) {
			t.Fatalf("want %v, got %v", want, got)
		}
		if len(k.tries) > len(peelOrder)+1 {
			t.Fatalf("%d tries", len(k.tries))
		}
		if settle(want) == want && want&^k.knows == 0 && got != want {
			t.Fatalf("kernel knows all of %v, got %v", want, got)
		}
	})
}

// TestNewRefusesSizes: a size that no kernel takes is the caller's mistake, and costs no flag.
func TestNewRefusesSizes(t *testing.T) {
	for _, c := range []struct {
		entries, cq uint32
		flags       SetupFlags
		ok          bool
	}{
		{1, 0, 0, true},
		{0, 0, 0, false},
		{0, 8, SetupCQSize | SetupClamp, false},
		{maxEntries, 0, 0, true},
		{maxEntries + 1, 0, 0, false},
		{maxEntries + 1, 0, SetupClamp, true},
		{1 << 31, 0, 0, false},
		{1 << 31, 0, SetupClamp, true},
		{256, 0, SetupCQSize, false},
		{256, 100, SetupCQSize, false},
		{256, 100, 0, true},
		{256, 256, SetupCQSize, true},
		{120, 100, SetupCQSize, true}, // 128 both
		{120, 64, SetupCQSize, false},
		{8, maxCQEntries, SetupCQSize, true},
		{8, maxCQEntries + 1, SetupCQSize, false},
		{8, maxCQEntries + 1, SetupCQSize | SetupClamp, true},
		{1 << 20, maxEntries, SetupCQSize | SetupClamp, true},
		{1 << 20, 8, SetupCQSize | SetupClamp, false},
	} {
		p := Params{Flags: c.flags, CQEntries: c.cq}
		require.Equal(t, c.ok, possible(c.entries, p), "%+v", c)
		if c.ok {
			continue
		}
		_, err := New(c.entries, Params{Flags: c.flags | best, CQEntries: c.cq})
		require.ErrorIs(t, err, unix.EINVAL, "%+v", c)
		require.NotEmpty(t, SetupMeaning(err))
	}
}

func TestSetupRefusesOtherLayouts(t *testing.T) {
	for bit := range 32 {
		f := SetupFlags(1) << bit & unsupportedLayout
		if f == 0 {
			continue
		}
		_, err := Setup(8, Params{Flags: f})
		require.ErrorIs(t, err, errors.ErrUnsupported, "%v", f)
	}
}
