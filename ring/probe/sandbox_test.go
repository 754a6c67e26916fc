//go:build linux

package probe

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring/probe/probetest"
)

var uringCalls = map[string]uintptr{
	callSetup:    unix.SYS_IO_URING_SETUP,
	callRegister: unix.SYS_IO_URING_REGISTER,
	callEnter:    unix.SYS_IO_URING_ENTER,
}

// A filter can refuse any one of the three calls, with EPERM as Docker's default
// profile does, or with ENOSYS.
func TestUnderSeccomp(t *testing.T) {
	here(t) // blocked for another reason: nothing to see
	for call, nr := range uringCalls {
		for _, errno := range []syscall.Errno{unix.EPERM, unix.ENOSYS} {
			t.Run(call+"_"+Errno(errno).String(), func(t *testing.T) {
				if probetest.Parent(t, probetest.Sandbox{Deny: map[uintptr]syscall.Errno{nr: errno}}) {
					return
				}
				fds := descriptors(t)
				r, err := Run(t.Context(), Options{})
				require.NoError(t, err)
				require.Equal(t, fds, descriptors(t))
				require.Equal(t, &Block{Cause: CauseSeccomp, Call: call, Errno: Errno(errno),
					Reason: "io_uring blocked by seccomp"}, r.Block)

				d := Decide(r, Want{})
				require.Equal(t, "epoll: io_uring blocked by seccomp", d.String())
				require.Empty(t, d.Features)
				named := Decide(r, Want{Engine: EngineIOUring}).Err()
				require.True(t, errors.Is(named, errno) && errors.Is(named, errors.ErrUnsupported), "%v", named)

				g, _ := r.Gate(gateSeccomp)
				require.Equal(t, StatusFail, g.Status)
				require.Contains(t, g.Value, "Seccomp: 2")
				g, _ = r.Gate(gateSyscall)
				require.Equal(t, StatusFail, g.Status)
				require.Contains(t, g.Value, call+": "+Errno(errno).String())
				require.True(t, r.Hints[0].Fix)
				require.Contains(t, r.Hints[0].ID, "seccomp")
			})
		}
	}
}

// A filter that minds other calls is shown, and blocks nothing.
func TestUnderAnUnrelatedFilter(t *testing.T) {
	usable(t)
	if probetest.Parent(t, probetest.Sandbox{Deny: map[uintptr]syscall.Errno{unix.SYS_SWAPON: unix.EPERM}}) {
		return
	}
	r, err := Run(t.Context(), Options{})
	require.NoError(t, err)
	require.Equal(t, "io_uring: usable", Decide(r, Want{}).String())
	g, _ := r.Gate(gateSeccomp)
	require.Equal(t, StatusOK, g.Status)
	require.Contains(t, g.Value, "Seccomp: 2")
}

func TestUnderNoEpoll(t *testing.T) {
	if probetest.Parent(t, probetest.Sandbox{Deny: map[uintptr]syscall.Errno{
		unix.SYS_IO_URING_SETUP: unix.EPERM, unix.SYS_EVENTFD2: unix.EPERM,
	}}) {
		return
	}
	r, err := Run(t.Context(), Options{FS: fakeRoot(nil)}) // os.File would need epoll
	require.NoError(t, err)
	d := Decide(r, Want{})
	require.Equal(t, EnginePortable, d.Engine)
	require.Equal(t, "epoll refused (eventfd2: EPERM)", d.Rejected[1].Reason)
}

// 64 KiB of locked memory is too little for two loops where the kernel counts rings, and
// warned about where it does not. More than a ring's worth is enough.
func TestUnderMemlock(t *testing.T) {
	usable(t)
	if probetest.Parent(t, probetest.Sandbox{Memlock: 64 << 10}) {
		return
	}
	r, err := Run(t.Context(), Options{Rings: 2})
	require.NoError(t, err)
	g, _ := r.Gate(gateMemlock)
	require.Equal(t, "soft 64 KiB, hard 64 KiB", g.Value)
	require.NotEmpty(t, r.Hints)
	require.Contains(t, r.Hints[0].ID, "memlock")
	if !r.Host.Kernel.Less(Version{6, 18, 0}) {
		require.Equal(t, &Block{Cause: CauseMemlock, Call: callSetup, Errno: Errno(unix.ENOMEM),
			Reason: "io_uring blocked by RLIMIT_MEMLOCK"}, r.Block)
		require.Equal(t, StatusFail, g.Status)
		require.True(t, r.Hints[0].Fix)
		require.Equal(t, "epoll: io_uring blocked by RLIMIT_MEMLOCK", Decide(r, Want{}).String())
	}
	if r.Block == nil {
		require.Equal(t, StatusWarn, g.Status)
		require.False(t, r.Hints[0].Fix)
	}
}

func TestUnderEnoughMemlock(t *testing.T) {
	usable(t)
	if probetest.Parent(t, probetest.Sandbox{Memlock: 8 << 20}) {
		return
	}
	r, err := Run(t.Context(), Options{Rings: 2})
	require.NoError(t, err)
	require.Nil(t, r.Block)
	require.Equal(t, "io_uring: usable", Decide(r, Want{}).String())
	g, _ := r.Gate(gateMemlock)
	require.Equal(t, StatusWarn, g.Status)
}

// A probe that says yes speaks for all that the loops will make, buffer rings too: it
// fits, at once or when the kernel has taken the probe's own rings off the account. On
// 6.18 with pages of 4 KiB two loops need 28.
func TestUnderTightMemlock(t *testing.T) {
	usable(t)
	for pages := uint64(26); pages < 30; pages++ {
		t.Run(fmt.Sprint(pages), func(t *testing.T) {
			if probetest.Parent(t, probetest.Sandbox{Memlock: pages * uint64(unix.Getpagesize())}) {
				return
			}
			goruntime.LockOSThread()
			defer goruntime.UnlockOSThread()
			opts := Options{Rings: 2}.fill()
			fds := descriptors(t)
			r, err := Run(t.Context(), opts)
			require.NoError(t, err)
			require.Equal(t, fds, descriptors(t))
			require.NotContains(t, mappings(t), "io_uring")
			if r.Block != nil {
				require.Equal(t, CauseMemlock, r.Block.Cause)
				return
			}
			require.Equal(t, EngineIOUring, Decide(r, Want{}).Engine)
			patient := &room{ctx: t.Context(), left: time.Minute} // a watchdog
			for range opts.Rings {
				r, err := patient.ring(opts.newRing)
				require.NoError(t, err)
				defer r.Close()
				br, err := patient.bufRing(r, recvBuffers, 0, 0)
				require.NoError(t, err)
				defer br.Close()
			}
		})
	}
}

// The limit counts all rings of all loops together.
func TestUnderMemlockForOneRing(t *testing.T) {
	if r := here(t); r.Host.Kernel.Less(Version{6, 18, 0}) {
		t.Skip("this kernel may not count rings")
	}
	if probetest.Parent(t, probetest.Sandbox{Memlock: 512 << 10}) {
		return
	}
	one, err := Run(t.Context(), Options{Rings: 1})
	require.NoError(t, err)
	require.Equal(t, EngineIOUring, Decide(one, Want{}).Engine)
	many, err := Run(t.Context(), Options{Rings: 64})
	require.NoError(t, err)
	require.Equal(t, "epoll: io_uring blocked by RLIMIT_MEMLOCK", Decide(many, Want{}).String())
}
