//go:build linux

// Command boot starts one kernel with an initramfs of jobs in an emulator, prints a line per job as
// it ends, and fails when a job failed, when the kernel complained, or when time ran out.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// commandLine gives the kernel's console every message, ends the guest at the first oops, and lets
// the watchdogs wait longer than they would on hardware: emulation on a busy host stutters.
const commandLine = "console=ttyS0 ignore_loglevel panic=-1 oops=panic tsc=reliable random.trust_cpu=on " +
	"rcupdate.rcu_cpu_stall_timeout=60 watchdog_thresh=30 sysctl.kernel.hung_task_timeout_secs=60"

// guestCPU is all that the emulator can do but cmpxchg16b: QEMU 7.2 loses the flags when it is interrupted at
// one, and Linux from 6.5 on, whose allocator leans on that instruction, dies of it at random.
const guestCPU = "max,-cx16"

type config struct {
	label, qemu, accel, kernel, initrd, out string
	timeout                                 time.Duration
}

func main() {
	var c config
	flag.StringVar(&c.label, "label", "", "kernel's `name` in the report")
	flag.StringVar(&c.qemu, "qemu", "qemu-system-x86_64", "emulator")
	flag.StringVar(&c.accel, "accel", "tcg", "emulator's accelerator")
	flag.StringVar(&c.kernel, "kernel", "", "kernel `image`")
	flag.StringVar(&c.initrd, "initrd", "", "initramfs `file`")
	flag.StringVar(&c.out, "out", "", "`folder` for logs; emptied first")
	flag.DurationVar(&c.timeout, "timeout", 8*time.Minute, "bound on the whole guest")
	flag.Parse()

	// Pdeathsig watches the thread that started the process.
	goruntime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGTERM), 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "boot: prctl:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	r, err := run(ctx, c)
	if err != nil {
		fmt.Fprintln(os.Stderr, "boot:", err)
		os.Exit(2)
	}
	if r.failed > 0 {
		os.Exit(1)
	}
}

// run boots the guest and leaves in c.out: the kernel's log, every job's output, and the tally,
// "PASSED FAILED".
func run(ctx context.Context, c config) (*report, error) {
	if err := os.RemoveAll(c.out); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.out, 0o755); err != nil {
		return nil, err
	}
	console := filepath.Join(c.out, "kernel.log")
	r := &report{w: os.Stdout, label: c.label, out: c.out, began: time.Now()}
	stopped, err := emulate(ctx, c, console, r.line)
	if err != nil {
		return nil, err
	}
	log, err := os.ReadFile(console)
	if err != nil {
		return nil, err
	}
	r.finish(stopped, string(log))
	tally := fmt.Sprintf("%d %d\n", r.passed, r.failed)
	return r, errors.Join(r.err, os.WriteFile(filepath.Join(c.out, "tally"), []byte(tally), 0o644))
}

// emulate runs the guest until it powers off, hands on each line of its second serial port, and says
// why the guest had to be stopped, or nothing.
func emulate(ctx context.Context, c config, console string, line func(string)) (stopped string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("time ran out after %v", c.timeout))
	defer cancel()
	cmd := exec.CommandContext(ctx, c.qemu,
		"-accel", c.accel, "-cpu", guestCPU, "-smp", "2", "-m", "1024",
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
		"-kernel", c.kernel, "-initrd", c.initrd, "-append", commandLine,
		"-serial", "file:"+console,
		"-chardev", "stdio,id=jobs,signal=off", "-serial", "chardev:jobs")
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	var complaint strings.Builder
	cmd.Stderr = &complaint
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	in := bufio.NewReader(stdout)
	for {
		text, readErr := in.ReadString('\n')
		if strings.HasSuffix(text, "\n") {
			line(strings.TrimRight(text, "\r\n"))
		}
		if readErr != nil {
			break
		}
	}
	err = cmd.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx).Error(), nil
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", c.qemu, err, strings.TrimSpace(complaint.String()))
	}
	return "", nil
}
