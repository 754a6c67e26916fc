package probe

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseStatus(t *testing.T) {
	full := "Name:\tx\nUmask:\t0022\nUid:\t0\t1000\t0\t0\nGid:\t100\t101\t100\t100\nGroups:\t4 24 998 \n" +
		"CapEff:\t000001fffeffffff\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n"
	for _, tt := range []struct {
		name, text string
		want       status
	}{
		{"full", full, status{known: true, seccomp: 2, filters: 3, noNewPrivs: true,
			effective: 0x1fffeffffff, uid: 1000, groups: []int{101, 4, 24, 998}}},
		{"5.8, which counts no filters", "Seccomp:\t2\nUid:\t1\t1\t1\t1\n",
			status{known: true, seccomp: 2, filters: -1, uid: 1}},
		{"no seccomp in the kernel", "Uid:\t1\t1\t1\t1\n", status{known: true, seccomp: -1, filters: -1, uid: 1}},
		{"nonsense", "Seccomp: two\nCapEff: zz\nUid: root\nno colon\n:\n",
			status{known: true, seccomp: -1, filters: -1, uid: -1}},
		{"negative", "Seccomp: -1\nSeccomp_filters: -5\nUid: -1 -1\n",
			status{known: true, seccomp: -1, filters: -1, uid: -1}},
		{"empty", "", status{seccomp: -1, filters: -1, uid: -1}},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, parseStatus([]byte(tt.text))) })
	}
}

func TestCapabilities(t *testing.T) {
	s := status{effective: 1 << capIPCLock}
	require.True(t, s.has(capIPCLock))
	require.False(t, s.has(capSysAdmin))
	s.userNS = true
	require.False(t, s.has(capIPCLock), "not where the kernel asks")
}

func TestUserNamespace(t *testing.T) {
	const all = "CapEff:\t000001ffffffffff"
	for _, tt := range []struct {
		name, uidMap string
		exempt       bool
	}{
		{"the first", "         0          0 4294967295\n", true},
		{"kernel without user namespaces", "", true},
		{"rootless container", "         0       1000          1\n         1     100000      65536\n", false},
		{"container with a range of its own", "         0     524288      65536\n", false},
		{"no map yet", "\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := fakeFacts(fakeRoot(map[string]string{pathUIDMap: tt.uidMap, pathStatus: fakeStatus(all),
				pathDisabled: "1\n", pathLimits: fakeLimits("65536", "65536")}))
			require.Equal(t, tt.exempt, !f.memlock.binds(f.status))
			ok, _ := f.sysctl.permits(f.status)
			require.Equal(t, tt.exempt, ok)
			g := memlockGate(f, "")
			require.Equal(t, tt.exempt, g.Status == StatusOK, g.Detail)
		})
	}
}

func TestReadSysctl(t *testing.T) {
	for _, tt := range []struct {
		name            string
		disabled, group string
		want            sysctl
	}{
		{"6.6, open", "0\n", "-1\n", sysctl{known: true, group: -1}},
		{"for a group", "1\n", "998\n", sysctl{known: true, disabled: 1, group: 998}},
		{"off", "2\n", "-1\n", sysctl{known: true, disabled: 2, group: -1}},
		{"before 6.6", "", "", sysctl{group: -1}},
		{"unreadable number", "yes\n", "-1\n", sysctl{group: -1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := fakeRoot(map[string]string{pathDisabled: tt.disabled, pathGroup: tt.group})
			require.Equal(t, tt.want, readSysctl(root))
		})
	}
}

func TestSysctlPermits(t *testing.T) {
	plain := status{groups: []int{1000, 998}}
	admin := status{effective: 1 << capSysAdmin}
	for _, tt := range []struct {
		s    sysctl
		who  status
		want bool
	}{
		{sysctl{}, plain, true},
		{sysctl{known: true, group: -1}, plain, true},
		{sysctl{known: true, disabled: 1, group: -1}, plain, false},
		{sysctl{known: true, disabled: 1, group: -1}, admin, true},
		{sysctl{known: true, disabled: 1, group: 998}, plain, true},
		{sysctl{known: true, disabled: 1, group: 7}, plain, false},
		{sysctl{known: true, disabled: 2, group: 998}, plain, false},
		{sysctl{known: true, disabled: 2, group: -1}, admin, false},
	} {
		got, _ := tt.s.permits(tt.who)
		require.Equal(t, tt.want, got, "%+v for %+v", tt.s, tt.who)
	}
}

func TestParseMemlock(t *testing.T) {
	for _, tt := range []struct {
		text       string
		soft, hard int64
		ok         bool
	}{
		{fakeLimits("65536", "8388608"), 65536, 8388608, true},
		{fakeLimits("unlimited", "unlimited"), -1, -1, true},
		{fakeLimits("0", "unlimited"), 0, -1, true},
		{fakeLimits("-4", "x"), 0, 0, false},
		{"Max locked memory", 0, 0, false},
		{"", 0, 0, false},
	} {
		soft, hard, ok := parseMemlock([]byte(tt.text))
		require.Equal(t, tt.ok, ok, tt.text)
		if ok {
			require.Equal(t, tt.soft, soft)
			require.Equal(t, tt.hard, hard)
		}
	}
}

func TestContainer(t *testing.T) {
	for _, tt := range []struct {
		name string
		file map[string]string
		want string
	}{
		{"none", nil, ""},
		{"docker's mark", map[string]string{pathDockerEnv: "\n"}, "docker"},
		{"podman's mark", map[string]string{pathPodmanEnv: "engine=\"podman\"\n"}, "podman"},
		{"pod", map[string]string{pathDockerEnv: "\n", pathCgroup: "0::/kubepods.slice/x\n"}, "kubernetes"},
		{"service account", map[string]string{pathServiceID + "/serviceaccount/token": "x"}, "kubernetes"},
		{"named by its manager", map[string]string{pathManager: "systemd-nspawn\n"}, "systemd-nspawn"},
		{"cgroup of libpod", map[string]string{pathCgroup: "0::/machine.slice/libpod-1.scope\n"}, "podman"},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, container(fakeRoot(tt.file))) })
	}
}

func TestFactsOfNothing(t *testing.T) {
	root := fakeRoot(nil)
	clear(root)
	f := readFacts(root)
	require.False(t, f.sysctl.known)
	require.False(t, f.status.known)
	require.False(t, f.memlock.known)
	require.Nil(t, f.modules)
	require.Equal(t, -1, f.host.UID)
	require.True(t, f.host.Kernel.IsZero())
}

func FuzzParseStatus(f *testing.F) {
	f.Add([]byte(fakeStatus(seccompFilter, "Seccomp_filters:\t1")))
	f.Add([]byte("Seccomp:\t99999999999999999999\nGroups:\t-1 1 x\nUid:\t\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := parseStatus(text)
		require.GreaterOrEqual(t, s.seccomp, -1)
		require.GreaterOrEqual(t, s.filters, -1)
		require.GreaterOrEqual(t, s.uid, -1)
		for _, g := range s.groups {
			require.GreaterOrEqual(t, g, 0)
		}
	})
}

func FuzzParseMemlock(f *testing.F) {
	f.Add([]byte(fakeLimits("65536", "unlimited")))
	f.Add([]byte("Max locked memory -1 -1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		soft, hard, ok := parseMemlock(text)
		if ok {
			require.GreaterOrEqual(t, soft, int64(-1))
			require.GreaterOrEqual(t, hard, int64(-1))
		}
	})
}

func FuzzParseLSM(f *testing.F) {
	f.Add("lockdown,capability,,selinux\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range parseLSM(text) {
			require.NotEmpty(t, name)
			require.Equal(t, strings.TrimSpace(name), name)
			require.NotContains(t, name, ",")
		}
	})
}
