//go:build linux

package probetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Sandbox is what the child may not do. The zero value forbids nothing.
type Sandbox struct {
	// Deny answers these system calls, by number, with an errno. The filter holds
	// for every thread.
	Deny map[uintptr]syscall.Errno `json:"deny,omitempty"`
	// Memlock sets both limits of RLIMIT_MEMLOCK in bytes. If the test runs as root,
	// the child runs as another user: root has CAP_IPC_LOCK, which is exempt. Zero
	// leaves all that.
	Memlock uint64 `json:"memlock,omitempty"`
	// NoFile sets the soft limit of RLIMIT_NOFILE. Zero leaves it.
	NoFile uint64 `json:"nofile,omitempty"`
}

// The environment of a child. The name keeps a child's own subtests from starting
// further children.
const (
	envSandbox = "HEADRACE_TEST_SANDBOX"
	envName    = "HEADRACE_TEST_SANDBOXED"
)

// childLimit is a watchdog.
const childLimit = 2 * time.Minute

// Parent runs the calling test again, alone, in a child inside the sandbox. In the
// parent it returns true when the child has passed and fails the test when it has
// not. In the child it puts up the sandbox and returns false:
//
//	if probetest.Parent(t, sandbox) {
//		return
//	}
//	// from here on inside the sandbox
//
// Nothing before the call may depend on the sandbox; both processes run it.
func Parent(t *testing.T, s Sandbox) bool {
	t.Helper()
	if os.Getenv(envName) == t.Name() {
		var mine Sandbox
		if err := json.Unmarshal([]byte(os.Getenv(envSandbox)), &mine); err != nil {
			t.Fatalf("sandbox of the child: %v", err)
		}
		if err := mine.enter(); err != nil {
			t.Fatalf("sandbox of the child: %v", err)
		}
		return false
	}
	told, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run="+pattern(t.Name()),
		"-test.count=1", "-test.v", "-test.timeout="+childLimit.String())
	cmd.Env = append(os.Environ(), envSandbox+"="+string(told), envName+"="+t.Name(),
		"GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if s.Memlock > 0 {
		cmd.SysProcAttr = stranger()
	}
	err = cmd.Run()
	if err != nil {
		t.Fatalf("in the sandbox: %v\n%s", err, &out)
	}
	if !strings.Contains(out.String(), "--- PASS: "+t.Name()) {
		t.Fatalf("the child did not run %s:\n%s", t.Name(), &out)
	}
	return true
}

// pattern matches one test or subtest and nothing else.
func pattern(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}

func (s Sandbox) enter() error {
	if s.NoFile > 0 {
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return fmt.Errorf("getrlimit: %w", err)
		}
		limit.Cur = s.NoFile
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return fmt.Errorf("setrlimit: %w", err)
		}
	}
	if s.Memlock > 0 {
		limit := unix.Rlimit{Cur: s.Memlock, Max: s.Memlock}
		if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
			return fmt.Errorf("setrlimit: %w", err)
		}
		if effective(unix.CAP_IPC_LOCK) {
			return errors.New("CAP_IPC_LOCK is still effective")
		}
	}
	if len(s.Deny) == 0 {
		return nil
	}
	return install(filter(s.Deny))
}
