// Package apptest runs the example servers as processes, for their tests.
package apptest

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver/faults"
)

// watchdog bounds every wait; nothing is decided by it.
const watchdog = time.Minute

// Build compiles the command in the current folder, once per test binary.
var Build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "headrace-example-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "server")
	if goruntime.GOOS == "windows" {
		binary += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	if err != nil {
		return "", &buildError{out}
	}
	return binary, nil
})

type buildError struct{ out []byte }

func (e *buildError) Error() string { return "go build: " + string(e.out) }

// Main runs a test binary's tests and removes what Build made.
func Main(m *testing.M) {
	code := m.Run()
	if binary, err := Build(); err == nil {
		os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

// Server is a running example.
type Server struct {
	Addr    string // where it listens
	Backend string
	Loops   string
	PID     int

	t      *testing.T
	cmd    *exec.Cmd
	stderr buffer
	lines  chan string // after the first, as they come
	rest   chan string // all of these, at the end
	ended  bool
}

// UnderFaults has the examples that the test starts run on an engine that misbehaves.
func UnderFaults(t *testing.T) {
	t.Helper()
	underFaults = strconv.FormatUint(faults.Seed(t.Logf)|1, 10) // zero is none
	t.Cleanup(func() { underFaults = "" })
}

var underFaults string // the seed

// Start starts the example and waits until it listens. The test stops it.
func Start(t *testing.T, args ...string) *Server {
	t.Helper()
	binary, err := Build()
	require.NoError(t, err)
	if underFaults != "" {
		args = append(args, "-faults", underFaults)
	}
	s := &Server{t: t, cmd: exec.Command(binary, args...), lines: make(chan string, 100), rest: make(chan string, 1)}
	s.cmd.Stderr = &s.stderr
	stdout, err := s.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	s.PID = s.cmd.Process.Pid
	t.Cleanup(func() {
		if !s.ended {
			_ = s.cmd.Process.Kill()
			_ = s.cmd.Wait()
		}
	})
	r := bufio.NewReader(stdout)
	line, err := r.ReadString('\n')
	require.NoError(t, err, "it ended: %s", &s.stderr)
	go s.read(r)
	s.parse(line)
	return s
}

// read reads what the server prints, until it ends.
func (s *Server) read(r *bufio.Reader) {
	var all strings.Builder
	for {
		line, err := r.ReadString('\n')
		all.WriteString(line)
		select {
		case s.lines <- line:
		default: // nobody wants so many
		}
		if err != nil {
			s.rest <- all.String()
			return
		}
	}
}

// parse reads `listening addr=HOST:PORT backend=NAME loops=N`.
func (s *Server) parse(line string) {
	s.t.Helper()
	words := strings.Fields(line)
	require.Len(s.t, words, 4, line)
	require.Equal(s.t, "listening", words[0])
	for i, p := range []struct {
		key string
		to  *string
	}{{"addr=", &s.Addr}, {"backend=", &s.Backend}, {"loops=", &s.Loops}} {
		value, ok := strings.CutPrefix(words[i+1], p.key)
		require.True(s.t, ok, line)
		*p.to = value
	}
}

// Stop asks the server to end, expects it to do so in order, and returns what it
// printed.
func (s *Server) Stop() string {
	s.t.Helper()
	now, err := os.FindProcess(s.PID)
	require.NoError(s.t, err)
	require.NoError(s.t, now.Signal(syscall.SIGTERM))
	s.ended = true
	timer := time.AfterFunc(watchdog, func() { _ = now.Kill() })
	defer timer.Stop()
	rest := <-s.rest
	require.NoError(s.t, s.cmd.Wait(), "stderr: %s", &s.stderr)
	return rest
}

// Stderr returns what the server has said there, which is all of it when it has ended.
func (s *Server) Stderr() string { return s.stderr.String() }

// buffer is a bytes.Buffer that may be read while a process writes to it.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
