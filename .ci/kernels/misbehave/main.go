//go:build linux

// Command misbehave does in a guest what a kernel test must notice; .ci/kernels/selftest runs it.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: misbehave exit | hang | orphan | warn | oops")
		os.Exit(2)
	}
	if err := misbehave(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "misbehave:", err)
		os.Exit(2)
	}
}

func misbehave(how string) error {
	switch how {
	case "exit": // fail, with a last line that has no end
		fmt.Print("about to fail")
		os.Exit(3)
	case "hang":
		time.Sleep(time.Hour)
	case "orphan": // leave a process behind that holds the output open
		return exec.Command(os.Args[0], "hang").Start()
	case "warn": // say what a kernel says when it warns
		return os.WriteFile("/dev/kmsg", []byte("WARNING: CPU: 0 PID: 1 at selftest"), 0)
	case "oops": // crash the kernel, after all the jobs that are to be seen
		return os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0)
	default:
		return fmt.Errorf("no way to misbehave is called %q", how)
	}
	return nil
}
