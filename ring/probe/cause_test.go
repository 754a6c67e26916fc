package probe

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	bySeccomp = "io_uring blocked by seccomp"
	bySysctl  = "io_uring blocked by sysctl"
)

func TestDiagnose(t *testing.T) {
	filter := map[string]string{pathStatus: fakeStatus(seccompFilter, "Seccomp_filters:\t1")}
	with := func(more ...string) map[string]string {
		m := map[string]string{pathStatus: filter[pathStatus]}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	selinux := map[string]string{pathLSM: "lockdown,capability,selinux"}
	admin := fakeStatus("CapEff:\t0000000000200000", "Seccomp:\t0")
	for _, tt := range []struct {
		name   string
		files  map[string]string
		call   string
		errno  syscall.Errno
		cause  Cause
		reason string
	}{
		{"allowed", nil, "", 0, "", ""},
		{"allowed under a filter", filter, "", 0, "", ""},
		{"docker's default profile", filter, callSetup, syscall.EPERM, CauseSeccomp, bySeccomp},
		{"filter that answers ENOSYS", filter, callSetup, syscall.ENOSYS, CauseSeccomp, bySeccomp},
		{"the same before the sysctl", with(pathDisabled, "", pathRelease, "6.1.0"), callSetup, syscall.ENOSYS,
			CauseSeccomp, bySeccomp},
		{"filter on register alone", filter, callRegister, syscall.EPERM, CauseSeccomp, bySeccomp},
		{"filter on register, ENOSYS", filter, callRegister, syscall.ENOSYS, CauseSeccomp, bySeccomp},
		{"filter on enter alone", filter, callEnter, syscall.EPERM, CauseSeccomp, bySeccomp},
		{"filter on enter, status hidden", map[string]string{pathStatus: ""}, callEnter, syscall.ENOSYS,
			CauseSeccomp, bySeccomp},
		{"sysctl 2", map[string]string{pathDisabled: "2"}, callSetup, syscall.EPERM, CauseSysctl, bySysctl},
		{"sysctl 2 under a filter", with(pathDisabled, "2"), callSetup, syscall.EPERM, CauseSysctl, bySysctl},
		{"sysctl 1", map[string]string{pathDisabled: "1"}, callSetup, syscall.EPERM, CauseSysctl, bySysctl},
		{"sysctl 1, wrong group", map[string]string{pathDisabled: "1", pathGroup: "5"}, callSetup, syscall.EPERM,
			CauseSysctl, bySysctl},
		{"sysctl 1, in the group, filter", with(pathDisabled, "1", pathGroup, "998"), callSetup, syscall.EPERM,
			CauseSeccomp, bySeccomp},
		{"sysctl 1, root of a user namespace", map[string]string{pathDisabled: "1", pathStatus: admin}, callSetup,
			syscall.EPERM, CauseSysctl, bySysctl},
		{"kernel before 5.1", map[string]string{pathRelease: "4.19.0", pathDisabled: ""}, callSetup, syscall.ENOSYS,
			CauseKernel, "kernel has no io_uring"},
		{"old kernel under a filter", with(pathRelease, "4.19.0", pathDisabled, ""), callSetup, syscall.ENOSYS,
			CauseKernel, "kernel has no io_uring"},
		{"built without", map[string]string{pathDisabled: ""}, callSetup, syscall.ENOSYS,
			CauseKernel, "kernel has no io_uring"},
		{"every flag refused", nil, callSetup, syscall.EINVAL, CauseKernel,
			"kernel's io_uring is too old (io_uring_setup: EINVAL)"},
		{"EACCES", selinux, callSetup, syscall.EACCES, CauseLSM,
			"io_uring blocked by a security module"},
		{"EPERM with SELinux", selinux, callSetup, syscall.EPERM, CauseLSM,
			"io_uring blocked by a security module"},
		{"EPERM out of nowhere", nil, callSetup, syscall.EPERM, CauseDenied,
			"io_uring refused (io_uring_setup: EPERM)"},
		{"memlock", map[string]string{pathLimits: fakeLimits("65536", "65536")}, callSetup, syscall.ENOMEM,
			CauseMemlock, "io_uring blocked by RLIMIT_MEMLOCK"},
		{"no memory", map[string]string{pathLimits: fakeLimits("unlimited", "unlimited")}, callSetup,
			syscall.ENOMEM, CauseLimits, "io_uring could not be set up (io_uring_setup: ENOMEM)"},
		{"no descriptors", nil, callSetup, syscall.EMFILE, CauseLimits,
			"io_uring could not be set up (io_uring_setup: EMFILE)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			block := diagnose(fakeFacts(fakeRoot(tt.files)), refused(tt.call, tt.errno))
			if tt.cause == "" {
				require.Nil(t, block)
				return
			}
			require.NotNil(t, block)
			require.Equal(t, tt.cause, block.Cause)
			require.Equal(t, tt.reason, block.Reason)
			require.ErrorIs(t, block.Errno.Err(), tt.errno)
		})
	}
}

// A sysctl that forbids io_uring to everybody is believed without a call, since no
// kernel with it answers anything else.
func TestDiagnoseBeforeAnyCall(t *testing.T) {
	require.Nil(t, diagnose(fakeFacts(fakeRoot(nil)), nil))
	off := diagnose(fakeFacts(fakeRoot(map[string]string{pathDisabled: "2"})), nil)
	require.Equal(t, CauseSysctl, off.Cause)
	require.Nil(t, diagnose(fakeFacts(fakeRoot(map[string]string{pathDisabled: "1"})), nil))

	elsewhere := fakeFacts(fakeRoot(nil))
	elsewhere.host.OS = "darwin"
	require.Equal(t, CausePlatform, diagnose(elsewhere, nil).Cause)
}

// Every cause that can be blocked on comes with a way out.
func TestEveryCauseHasAFix(t *testing.T) {
	f := fakeFacts(fakeRoot(nil))
	for _, cause := range []Cause{
		CauseKernel, CauseSysctl, CauseSeccomp, CauseLSM, CauseMemlock, CauseLimits, CauseDenied,
	} {
		fixes := fixes(f, cause)
		require.NotEmpty(t, fixes, cause)
		for _, h := range fixes {
			require.True(t, h.Fix)
			require.NotEmpty(t, h.ID)
			require.NotEmpty(t, h.For)
			require.NotEmpty(t, h.Text)
		}
	}
	require.Empty(t, fixes(f, CausePlatform), "there is no fix for not being Linux")
}

func TestHintsFollowTheContainer(t *testing.T) {
	for manager, want := range map[string]int{
		"": 4, "docker": 1, "podman": 1, "kubernetes": 1, "containerd": 1, "lxc": 4,
	} {
		f := fakeFacts(fakeRoot(nil))
		f.host.Container = manager
		require.Len(t, fixes(f, CauseSeccomp), want, manager)
	}
}
