//go:build linux

package measure

import (
	"os"
	"os/exec"
	goruntime "runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary be its own child: one that works for a known time and then waits.
func TestMain(m *testing.M) {
	if os.Getenv("MEASURE_CHILD") == "" {
		os.Exit(m.Run())
	}
	for Self() < 50*time.Millisecond {
	}
	os.Stdout.WriteString("done\n")
	_, _ = os.Stdin.Read(make([]byte, 1)) // ends with the test
	os.Exit(0)
}

func child(t *testing.T) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "MEASURE_CHILD=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		require.NoError(t, cmd.Wait())
	})
	b := make([]byte, 16)
	n, err := out.Read(b)
	require.NoError(t, err)
	require.Equal(t, "done\n", string(b[:n]))
	return cmd.Process.Pid
}

func TestProcessReadsTheCPUTimeOfAnother(t *testing.T) {
	pid := child(t)
	u, err := Process(pid)
	require.NoError(t, err)
	require.GreaterOrEqual(t, u.CPU, 50*time.Millisecond)
	require.Less(t, u.CPU, time.Second)
	// The two clocks of the kernel agree, up to the steps of the coarse one.
	require.InDelta(t, u.CPU.Seconds(), (u.User + u.System).Seconds(), 0.05)
	require.Positive(t, u.RSS)
	require.Positive(t, u.Threads)
	require.Len(t, u.Tasks, u.Threads)
	var sum time.Duration
	for _, thread := range u.ByThread() {
		sum += thread.CPU
		require.False(t, thread.Kernel(), thread.Name)
		require.NotEmpty(t, thread.Name)
	}
	const tick = 10 * time.Millisecond // of a kernel's clock
	require.InDelta(t, u.CPU, sum, float64(tick))

	group, err := Group(pid)
	require.NoError(t, err)
	require.GreaterOrEqual(t, group.CPU, u.CPU)
	require.Less(t, group.Since(u).CPU, 50*time.Millisecond, "it counts more than the child")
}

func TestThreadsAreToldApart(t *testing.T) {
	begin := Usage{Tasks: map[int]Thread{1: {"echo", 10}, 2: {"echo", 20}, 3: {"echo", 5}}}
	end := Usage{Tasks: map[int]Thread{1: {"echo", 12}, 2: {"echo", 90}, 3: {"echo", 5}, 4: {"iou-wrk-1", 7}}}
	threads := end.Since(begin).ByThread()
	require.Equal(t, []Thread{{"echo", 70}, {"iou-wrk-1", 7}, {"echo", 2}}, threads, "what spent nothing is left out")
	require.True(t, threads[1].Kernel())
	require.Equal(t, time.Duration(90), end.Tasks[2].CPU, "the reading stays as it is")
}

func TestGoneProcessesAreErrors(t *testing.T) {
	cmd := exec.Command("/bin/true")
	require.NoError(t, cmd.Run())
	_, err := Process(cmd.Process.Pid)
	require.ErrorIs(t, err, syscall.EINVAL) // clock_gettime(2) of a process that is not there
	_, err = Group(cmd.Process.Pid)
	require.ErrorIs(t, err, syscall.ESRCH)
}

func TestPinIsInherited(t *testing.T) {
	cores, err := Cores()
	require.NoError(t, err)
	last := cores[len(cores)-1]
	out := make(chan string)
	go func() {
		goruntime.LockOSThread() // the thread ends with the goroutine
		if err := Pin(last); err != nil {
			out <- err.Error()
			return
		}
		b, err := exec.Command("grep", "Cpus_allowed_list", "/proc/self/status").Output()
		if err != nil {
			out <- err.Error()
			return
		}
		out <- string(b)
	}()
	fields := strings.Fields(<-out)
	require.Len(t, fields, 2)
	require.Equal(t, last, atoi(t, fields[1]))
}

func TestBusyGrows(t *testing.T) {
	cores, err := Cores()
	require.NoError(t, err)
	b, err := Busy(cores[0])
	require.NoError(t, err)
	require.Positive(t, b)
	all, err := Busy(cores...)
	require.NoError(t, err)
	require.GreaterOrEqual(t, all, b)
	_, err = Busy(1 << 20)
	require.Error(t, err)
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n := 0
	for _, r := range s {
		require.True(t, r >= '0' && r <= '9', s)
		n = n*10 + int(r-'0')
	}
	return n
}
