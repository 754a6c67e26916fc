//go:build linux

package runtime_test

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring/probe"
	"github.com/headrace/headrace/ring/probe/probetest"
	"github.com/headrace/headrace/runtime"
)

// TestForbidden: where io_uring is forbidden, in the ways of container managers,
// the epoll engine serves, and asking for io_uring is an error with the reason.
func TestForbidden(t *testing.T) {
	t.Setenv(runtime.BackendEnv, "")
	for name, call := range map[string]uintptr{
		"setup":    unix.SYS_IO_URING_SETUP,
		"register": unix.SYS_IO_URING_REGISTER,
		"enter":    unix.SYS_IO_URING_ENTER,
	} {
		for _, errno := range []syscall.Errno{syscall.EPERM, syscall.ENOSYS} {
			t.Run(name+"/"+unix.ErrnoName(errno), func(t *testing.T) {
				if probetest.Parent(t, probetest.Sandbox{Deny: map[uintptr]syscall.Errno{call: errno}}) {
					return
				}
				rt := newRuntime(t, &runtime.Config{Loops: 1})
				require.Equal(t, runtime.Epoll, rt.Backend(), rt.Decision())
				require.Contains(t, rt.Decision().String(), "io_uring")
				addr := listen(t, rt, "tcp", acceptEcho)
				require.NoError(t, pingPong(addr, "hello", 5))

				_, err := runtime.New(&runtime.Config{Loops: 1, Backend: runtime.IOUring})
				var refused *runtime.BackendError
				require.ErrorAs(t, err, &refused)
				require.ErrorIs(t, err, errors.ErrUnsupported)
				if refused.Decision.Rejected[0].Reason == "io_uring blocked by seccomp" { // not too old, say
					require.ErrorIs(t, err, errno)
				}
				require.NotEmpty(t, refused.Decision.Reason)
			})
		}
	}
}

// TestLittleLockedMemory: a tight RLIMIT_MEMLOCK costs an engine at most, never
// the program.
func TestLittleLockedMemory(t *testing.T) {
	t.Setenv(runtime.BackendEnv, "")
	if probe.Decide(oneLoop(t), probe.Want{}).Engine != probe.EngineIOUring {
		t.Skip("skip: another engine anyway")
	}
	if probetest.Parent(t, probetest.Sandbox{Memlock: 64 << 10}) {
		return
	}
	report, err := probe.Run(t.Context(), probe.Options{Rings: 2})
	require.NoError(t, err)
	rt := newRuntime(t, &runtime.Config{Loops: 2})
	require.Equal(t, probe.Decide(report, probe.Want{}), rt.Decision())
	if counted := (probe.Version{Major: 6, Minor: 18}); !report.Host.Kernel.Less(counted) {
		require.Equal(t, runtime.Epoll, rt.Backend())
		require.Equal(t, "epoll: io_uring blocked by RLIMIT_MEMLOCK", rt.Decision().String())
	}
	addr := listen(t, rt, "tcp", acceptEcho)
	require.NoError(t, pingPong(addr, "hello", 5))
}

// TestOutOfDescriptors: a listener that can not accept for lack of descriptors
// rests, does not spin, goes on serving, and recovers.
func TestOutOfDescriptors(t *testing.T) {
	const limit = 100
	if probetest.Parent(t, probetest.Sandbox{NoFile: limit}) {
		return
	}
	rests := make(chan error, 1)
	rt := newRuntime(t, &runtime.Config{Loops: 1, Hooks: runtime.Hooks{
		AcceptRests: func(_ net.Addr, err error, _ time.Duration) {
			select {
			case rests <- err:
			default:
			}
		},
	}})
	addr := listen(t, rt, "tcp", acceptEcho)
	served := dial(t, addr)
	require.NoError(t, pingPongOn(served, "before", 1))

	// Fillers take every descriptor but one: the client gets that, and the
	// listener none.
	var fillers []int
	for {
		fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			require.ErrorIs(t, err, syscall.EMFILE)
			break
		}
		fillers = append(fillers, fd)
	}
	require.NoError(t, unix.Close(fillers[0]))
	last := dial(t, addr) // waits in the backlog
	require.Eventually(t, func() bool { return rt.Stats().Total().AcceptRests > 0 }, watchdog, time.Millisecond)
	require.ErrorIs(t, receive(t, rests), syscall.EMFILE)
	require.NoError(t, pingPongOn(served, "meanwhile", 3))
	cpu := cpuTime(t)
	const rest = time.Second
	time.Sleep(rest)
	require.Less(t, cpuTime(t)-cpu, rest/2, "a loop that spins")

	_, err := last.Write([]byte("at last"))
	require.NoError(t, err)
	for _, fd := range fillers[1:] {
		require.NoError(t, unix.Close(fd))
	}
	require.NoError(t, last.SetDeadline(time.Now().Add(watchdog)))
	buf := make([]byte, 7)
	_, err = last.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "at last", string(buf))
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	require.NoError(t, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
