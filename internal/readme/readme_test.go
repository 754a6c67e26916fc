package readme

import (
	"bufio"
	"bytes"
	"fmt"
	"go/format"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const root = "../.."

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// snippets returns the Go blocks of a Markdown file.
func snippets(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var all []string
	for _, m := range goBlock.FindAllSubmatch(text, -1) {
		all = append(all, string(m[1]))
	}
	return all
}

// scaffold makes a program of a fragment: what it takes for granted is declared.
const scaffold = `package main

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
	"github.com/headrace/headrace/runtime/stdnet"
	"github.com/headrace/headrace/runtime/tlsfiber"
)

var (
	_ io.Reader
	_ *log.Logger
	_ net.Conn
	_ http.Handler
	_ *os.File
	_ time.Duration
	_ atomic.Int64
	_ buffers.Chain
	_ = fiber.Serve
	_ = stdnet.Listen
	_ = tlsfiber.Serve
)

func fragment(ctx context.Context, rt *runtime.Runtime, srv *http.Server, certs []tls.Certificate) error {
	%s
	return nil
}

func main() {}
`

// module makes a module of its own that uses this checkout, as README.md says.
func module(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	checkout, err := filepath.Abs(root)
	require.NoError(t, err)
	mod := []byte("module example.com/program\n\ngo 1.25.0\n")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), mod, 0o600))
	sum, err := os.ReadFile(filepath.Join(checkout, "go.sum"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o600))
	const name = "github.com/headrace/headrace"
	run(t, dir, "go", "mod", "edit", "-require="+name+"@v0.0.0", "-replace="+name+"="+checkout)
	return dir
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %s\n%s", name, strings.Join(args, " "), out)
}

func TestSnippetsCompile(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	dir := module(t)
	n := 0
	for _, file := range append(files, filepath.Join(root, "README.md")) {
		for i, code := range snippets(t, file) {
			if !strings.HasPrefix(code, "package ") {
				code = fmt.Sprintf(scaffold, code)
			}
			formatted, err := format.Source([]byte(code))
			require.NoError(t, err, "block %d of %s", i, file)
			folder := filepath.Join(dir, fmt.Sprintf("snippet%d", n))
			require.NoError(t, os.Mkdir(folder, 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(folder, "main.go"), formatted, 0o600))
			n++
		}
	}
	require.GreaterOrEqual(t, n, 2)
	run(t, dir, "go", "vet", "-unusedresult=false", "./...")
}

// TestReadmeProgramElsewhere: the same program compiles for other systems, without
// build tags of its own.
func TestReadmeProgramElsewhere(t *testing.T) {
	dir := module(t)
	code := snippets(t, filepath.Join(root, "README.md"))[0]
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(code), 0o600))
	for _, system := range []string{"linux", "darwin", "windows"} {
		t.Setenv("GOOS", system)
		run(t, dir, "go", "build", "-o", filepath.Join(dir, system), ".")
	}
}

// TestReadmeProgram builds README.md's first program in a module of its own, runs
// it and talks to it.
func TestReadmeProgram(t *testing.T) {
	dir := module(t)
	code := snippets(t, filepath.Join(root, "README.md"))[0]
	require.LessOrEqual(t, strings.Count(code, "\n"), 35)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(code), 0o600))
	binary := filepath.Join(dir, "program")
	run(t, dir, "go", "build", "-o", binary, ".")

	cmd := exec.Command(binary)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err, "%s", &stderr)
	addr, _, ok := strings.Cut(line, " ")
	require.True(t, ok, line)

	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	_, err = c.Write([]byte("hello"))
	require.NoError(t, err)
	buf := make([]byte, 5)
	_, err = c.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "hello", string(buf))
}
