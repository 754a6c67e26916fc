//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const goodLog = "[    0.000000] Linux version 6.1\n[    1.0] reboot: Power down\n"

func TestReport(t *testing.T) {
	twoJobs := []string{
		"@boot 6.1.0-50 2",
		"@start ring.test", "=--- PASS: TestA (0.1s)", "=    --- PASS: TestA/x", "=--- SKIP: TestB (0.0s)", "=PASS",
		"@end ring.test 3210 ok",
		"@start ringprobe", "={", `=  "engine": "epoll"`, "=}", "!a remark", "@end ringprobe 40 ok",
	}
	for name, tt := range map[string]struct {
		lines          []string
		stopped, log   string
		passed, failed int
		want           []string
	}{
		"all well": {
			lines: append(twoJobs, "@done"), log: goodLog, passed: 3,
			want: []string{
				"kernel 6.1: 6.1.0-50 is up after", "ring.test                       3.2s  1 passed, 1 skipped\n",
				"2 lines, no complaint",
			},
		},
		"a job fails": {
			lines: []string{
				"@boot x 1", "@start a.test", "=--- PASS: TestA (0.1s)", "=bad thing", "==== RUN   TestB",
				"@end a.test 9 exit status 1", "@done",
			},
			log: goodLog, passed: 1, failed: 1,
			want: []string{
				"FAIL  a.test", "exit status 1; its output is in ", "\n        | bad thing\n  pass  kernel log",
			},
		},
		"time runs out": {
			lines: twoJobs[:4], stopped: "time ran out after 4m0s", log: goodLog, failed: 3,
			want: []string{"FAIL  ring.test", "1 more jobs did not run", "time ran out after 4m0s; it ends with:"},
		},
		"the kernel warns": {
			lines: append(twoJobs, "@done"), log: goodLog + "[ 2.0] WARNING: CPU: 0 PID: 9\n[ 2.1] RIP: io_x\n",
			passed: 2, failed: 1, want: []string{"the kernel complained:", "RIP: io_x"},
		},
		"the kernel never came up": {
			log: "SeaBIOS\n", failed: 1, want: []string{"the guest went down; it ends with:", "| SeaBIOS"},
		},
		"the last line is missing": {
			lines: twoJobs, log: goodLog, passed: 2, failed: 1, want: []string{"the guest went down"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			r := &report{w: &b, label: "6.1", out: t.TempDir(), began: time.Now()}
			for _, s := range tt.lines {
				r.line(s)
			}
			r.finish(tt.stopped, tt.log)
			require.NoError(t, r.err)
			for _, s := range tt.want {
				require.Contains(t, b.String(), s)
			}
			require.Equal(t, [2]int{tt.passed, tt.failed}, [2]int{r.passed, r.failed}, b.String())
		})
	}
}

// A job's output is kept as it was, its two streams apart: ringprobe's JSON is compared with golden files.
func TestReportKeepsOutput(t *testing.T) {
	r := &report{w: &strings.Builder{}, out: t.TempDir()}
	lines := "@boot x 1\n@start p\n={\n=  @done\n=\n=}\n!oh\n\n@end p 1 ok\n@done"
	for s := range strings.SplitSeq(lines, "\n") {
		r.line(s)
	}
	out, err := os.ReadFile(filepath.Join(r.out, "p.out"))
	require.NoError(t, err)
	require.Equal(t, "{\n  @done\n\n}\n", string(out))
	errs, err := os.ReadFile(filepath.Join(r.out, "p.err"))
	require.NoError(t, err)
	require.Equal(t, "oh\n", string(errs))
}

func TestComplaint(t *testing.T) {
	for _, bad := range []string{
		"[    2.2] WARNING: CPU: 1 PID: 77 at io_uring/io_uring.c:2900 io_ring_exit_work+0x1",
		"[    2.2] BUG: kernel NULL pointer dereference, address: 0000000000000000",
		"[    2.2] kernel BUG at mm/slub.c:305!",
		"[    2.2] Oops: double fault: 0000 [#1] PREEMPT SMP NOPTI",
		"[    2.2] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
		"[    2.2] rcu: rcu_sched kthread starved for 5250 jiffies!",
		"[    2.2] watchdog: BUG: soft lockup - CPU#0 stuck for 26s!",
		"[    2.2] INFO: task ring.test:80 blocked for more than 60 seconds.",
		"[    2.2] Out of memory: Killed process 80 (ring.test)",
		"[    2.2] Kernel panic - not syncing: Attempted to kill init!",
	} {
		require.Regexp(t, complaint, bad)
	}
	for _, fine := range []string{
		"[    0.0] Command line: " + commandLine,
		"[    0.0] rcu: RCU calculated value of scheduler-enlistment delay is 25 jiffies.",
		"[    0.3] Spectre V2 : Mitigation: Retpolines",
		"[    0.3] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable",
	} {
		require.NotRegexp(t, complaint, fine)
	}
}
