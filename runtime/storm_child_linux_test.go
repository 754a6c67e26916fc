//go:build linux

package runtime_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver/drivertest"
)

// envChild names the test that a child process plays a part in.
const envChild = "HEADRACE_TEST_CHILD"

// isChild reports whether this process is the child that the calling test started.
func isChild(t *testing.T) bool { return os.Getenv(envChild) == t.Name() }

// answer marks what a child tells its parent, among what else is on its stdout.
const answer = "@ "

// tell tells the parent something.
func tell(format string, args ...any) { fmt.Printf("\n"+answer+format+"\n", args...) }

// obey does what the parent says, line by line, until it says no more.
func obey(do func(order string)) {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		do(lines.Text())
	}
}

// child is the running test once more, in a process of its own.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	said  bytes.Buffer // what was no answer
	cries bytes.Buffer // its stderr, to read once it has ended
	begin func() error // cmd.Start, unless it is something else
	ended bool
}

// newChild prepares a child; the test is the top one of the caller's, which must
// ask isChild first of all. The environment is added to this process's.
func newChild(t *testing.T, env ...string) *child {
	t.Helper()
	name, _, _ := strings.Cut(t.Name(), "/")
	c := &child{t: t, cmd: exec.Command("/proc/self/exe", "-test.run=^"+name+"$", "-test.count=1")}
	if testing.Short() {
		c.cmd.Args = append(c.cmd.Args, "-test.short")
	}
	c.cmd.Env = append(os.Environ(), envChild+"="+name, "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	c.cmd.Env = append(c.cmd.Env, env...)
	c.cmd.Stderr, c.begin = &c.cries, c.cmd.Start
	return c
}

// start starts the child and returns its first answer.
func (c *child) start() string {
	c.t.Helper()
	var err error
	c.in, err = c.cmd.StdinPipe()
	require.NoError(c.t, err)
	out, err := c.cmd.StdoutPipe()
	require.NoError(c.t, err)
	c.out = bufio.NewReader(out)
	require.NoError(c.t, c.begin())
	c.t.Cleanup(func() {
		if !c.ended {
			_ = c.cmd.Process.Kill()
			_ = c.cmd.Wait()
		}
	})
	return c.next()
}

// next returns the child's next answer.
func (c *child) next() string {
	c.t.Helper()
	bite := time.AfterFunc(watchdog, func() { _ = c.cmd.Process.Kill() })
	defer bite.Stop()
	for {
		line, err := c.out.ReadString('\n')
		if text, ok := strings.CutPrefix(line, answer); ok {
			return strings.TrimSuffix(text, "\n")
		}
		c.said.WriteString(line)
		if err != nil {
			_ = c.cmd.Process.Kill()
			_ = c.cmd.Wait()
			c.ended = true
			require.FailNow(c.t, "the child ended", "%v: %s%s", err, &c.said, &c.cries)
		}
	}
}

// ask gives an order and returns the answer.
func (c *child) ask(order string) string {
	c.t.Helper()
	_, err := io.WriteString(c.in, order+"\n")
	require.NoError(c.t, err)
	return c.next()
}

// end says no more and expects the child to pass.
func (c *child) end() {
	c.t.Helper()
	bite := time.AfterFunc(watchdog, func() { _ = c.cmd.Process.Kill() })
	defer bite.Stop()
	require.NoError(c.t, c.in.Close())
	rest, err := io.ReadAll(c.out)
	require.NoError(c.t, err)
	c.ended = true
	require.NoError(c.t, c.cmd.Wait(), "%s%s%s", &c.said, rest, &c.cries)
}

// eachBackend runs f as a subtest for every engine that runs here: those that the
// environment leaves. Its child gets env to use the same.
func eachBackend(t *testing.T, f func(t *testing.T, b runtime.Backend, env string)) {
	for _, b := range []runtime.Backend{runtime.IOUring, runtime.Epoll, runtime.Portable} {
		if only := os.Getenv(runtime.BackendEnv); only != "" && only != b.String() {
			continue
		}
		t.Run(b.String(), func(t *testing.T) {
			rt, err := runtime.New(&runtime.Config{Loops: 1, Backend: b})
			drivertest.MustRun(t, b.String(), err)
			require.NoError(t, rt.Close())
			f(t, b, runtime.BackendEnv+"="+b.String())
		})
	}
}
