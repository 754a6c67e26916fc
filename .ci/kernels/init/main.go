//go:build linux

// Command init is process 1 of a kernel test's guest: it mounts what tests need, runs the jobs that
// the initramfs lists one after the other, reports over the second serial port, and powers off.
// The first serial port is the kernel's own console, so the two never mix.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/.ci/kernels/guest"
)

const port = "/dev/ttyS1"

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "init: only process 1 of a guest runs this: it ends in a power-off")
		os.Exit(2)
	}
	if err := run(); err != nil {
		// Nobody listens on the port yet, or it broke: the kernel's console is what is left.
		fmt.Println("init:", err)
	}
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("init: power off:", err)
	}
	select {} // an init that returns is a kernel panic
}

func run() error {
	if err := setup(); err != nil {
		return err
	}
	raw, err := os.ReadFile("/" + guest.JobsPath)
	if err != nil {
		return err
	}
	var jobs []guest.Job
	if err := json.Unmarshal(raw, &jobs); err != nil {
		return fmt.Errorf("%s: %w", guest.JobsPath, err)
	}
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return fmt.Errorf("uname: %w", err)
	}
	out, err := openPort(port)
	if err != nil {
		return err
	}

	out.line(guest.Boot, unix.ByteSliceToString(uts.Release[:]), strconv.Itoa(len(jobs)))
	for _, j := range jobs {
		out.line(guest.Start, j.Name)
		took, reason := runJob(j, out)
		out.line(guest.End, j.Name, strconv.FormatInt(took.Milliseconds(), 10), reason)
	}
	out.line(guest.Done)
	return out.drain()
}
