package runtime_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/ring/probe"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

// oneLoop probes as a runtime of one loop does.
func oneLoop(t *testing.T) *probe.Report {
	t.Helper()
	r, err := probe.Run(t.Context(), probe.Options{Rings: 1})
	require.NoError(t, err)
	return r
}

// TestProbeAndEnginesAgree: what ring/probe says can run does run. Tests that skip
// where an engine can not run rely on it.
func TestProbeAndEnginesAgree(t *testing.T) {
	t.Setenv(runtime.BackendEnv, "")
	report := oneLoop(t)
	for _, b := range []runtime.Backend{runtime.Auto, runtime.IOUring, runtime.Epoll, runtime.Portable} {
		t.Run(b.String(), func(t *testing.T) {
			want := probe.Decide(report, probe.Want{Engine: b.String()})
			rt, err := runtime.New(&runtime.Config{Loops: 1, Backend: b})
			if want.Engine == "" {
				require.ErrorIs(t, err, errors.ErrUnsupported)
				return
			}
			require.NoError(t, err)
			defer func() { require.NoError(t, rt.Close()) }()
			t.Logf("%v on Linux %v", rt.Decision(), report.Host.Kernel)
			require.Equal(t, want.Engine, rt.Backend().String())
			require.Equal(t, want.Engine, rt.Decision().Engine)
			require.Equal(t, want.Engine, rt.Caps().Name)
			require.NoError(t, pingPong(listen(t, rt, "tcp", acceptEcho), "hello", 5))
		})
	}
}

// failing has the engines of these names open, and then fail with an errno.
func failing(errno syscall.Errno, names ...string) func(driver.Open) driver.Open {
	return func(open driver.Open) driver.Open {
		return func(cfg *driver.Config) (driver.Engine, error) {
			e, err := open(cfg)
			if err != nil || !slices.Contains(names, e.Caps().Name) {
				return e, err
			}
			return nil, errors.Join(fmt.Errorf("as asked: %w", errno), e.Close())
		}
	}
}

// TestAutoGoesOn: an engine that fails although the probe was content costs the
// engine, also where the environment says auto; where it was named, it is an error.
func TestAutoGoesOn(t *testing.T) {
	first := probe.Decide(oneLoop(t), probe.Want{}).Engine
	if first == probe.EnginePortable {
		t.Skip("skip: no engine to go on to")
	}
	for _, env := range []string{"", "auto"} {
		t.Setenv(runtime.BackendEnv, env)
		cfg := &runtime.Config{Loops: 2, WrapEngine: failing(syscall.EMFILE, first)}
		rt := newRuntime(t, cfg)
		require.NotEqual(t, first, rt.Backend().String(), env)
		require.Equal(t, rt.Backend().String(), rt.Caps().Name)
		d := rt.Decision()
		require.Equal(t, rt.Backend().String(), d.Engine)
		require.Contains(t, d.Reason, "as asked")
		last := d.Rejected[len(d.Rejected)-1]
		require.Equal(t, first, last.Engine)
		require.Equal(t, probe.Errno(syscall.EMFILE), last.Errno)
		require.NoError(t, pingPong(listen(t, rt, "tcp", acceptEcho), "hello", 5))
	}
	t.Setenv(runtime.BackendEnv, first)
	_, err := runtime.New(&runtime.Config{Loops: 1, WrapEngine: failing(syscall.EMFILE, first)})
	require.ErrorIs(t, err, syscall.EMFILE)
}

// TestEngineThatFails: the error is one line however many loops there are, names
// the engine, and is the errno and nothing more.
func TestEngineThatFails(t *testing.T) {
	t.Setenv(runtime.BackendEnv, "")
	all := failing(syscall.EINVAL, "io_uring", "epoll", "portable")
	for _, b := range []runtime.Backend{runtime.Portable, runtime.Auto} {
		_, err := runtime.New(&runtime.Config{Loops: 8, Backend: b, WrapEngine: all})
		var refused *runtime.BackendError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, runtime.Portable, refused.Backend)
		require.ErrorIs(t, err, syscall.EINVAL)
		require.NotErrorIs(t, err, errors.ErrUnsupported)
		require.NotContains(t, err.Error(), "\n")
		require.Regexp(t, `^backend portable can not run: loop \d: as asked: .* \(and 7 more loops\)$`, err.Error())
	}
}

// TestSysctlForbids: where kernel.io_uring_disabled is 2, epoll serves, and asking
// for io_uring is EPERM.
func TestSysctlForbids(t *testing.T) {
	t.Setenv(runtime.BackendEnv, "")
	root := fstest.MapFS{"proc/sys/kernel/io_uring_disabled": {Data: []byte("2\n")}}
	cfg := (&runtime.Config{Loops: 2}).WithProbeFS(root)
	rt := newRuntime(t, cfg)
	if probe.Decide(oneLoop(t), probe.Want{Engine: probe.EngineEpoll}).Engine != "" {
		require.Equal(t, runtime.Epoll, rt.Backend())
		require.Equal(t, "epoll: io_uring blocked by sysctl", rt.Decision().String())
	}
	require.NotEqual(t, "io_uring", rt.Caps().Name)
	require.NoError(t, pingPong(listen(t, rt, "tcp", acceptEcho), "hello", 5))

	cfg.Backend = runtime.IOUring
	_, err := runtime.New(cfg)
	require.ErrorIs(t, err, syscall.EPERM)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.EqualError(t, err, "backend io_uring can not run: io_uring blocked by sysctl")
}

// TestStartIsLogged: one line says what was chosen, why, and what is left out.
func TestStartIsLogged(t *testing.T) {
	var out bytes.Buffer
	rt, err := runtime.New(&runtime.Config{
		Loops: 2, Logger: slog.New(slog.NewJSONHandler(&out, nil)), Disable: []string{"send_zc"},
	})
	require.NoError(t, err)
	require.NoError(t, rt.Close()) // nobody writes to out any more
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 1, &out)
	var line map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &line))
	require.Equal(t, "INFO", line["level"])
	require.Equal(t, "headrace runtime started", line["msg"])
	require.Equal(t, rt.Backend().String(), line["backend"])
	require.EqualValues(t, 2, line["loops"])
	require.Equal(t, rt.Decision().String(), line["decision"])
	require.Contains(t, strings.Split(line["features_off"].(string), ","), "send_zc")
}
