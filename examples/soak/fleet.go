package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/examples/internal/app"
)

// server is a running example.
type server struct {
	name   string
	addr   string
	debug  string // address of its /debug/vars
	engine string
	stalls []app.Stall // the worst so far
	cmd    *exec.Cmd
	stderr tail
	rest   chan string // what it printed after its first line
	ended  bool
}

// fleet is all servers.
type fleet struct {
	all     []*server
	byName  map[string]*server
	files   string // what the file server serves
	uploads string // where uploads go
	client  *http.Client
	trust   *tls.Config // of who visits the HTTPS server
}

// startFleet builds the examples, unless that was done, and starts them.
func startFleet(o *options, dir string) (*fleet, error) {
	f := &fleet{
		byName: map[string]*server{}, files: filepath.Join(dir, "files"), uploads: filepath.Join(dir, "uploads"),
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	for _, d := range []string{f.files, f.uploads} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return nil, err
		}
	}
	if err := makeFiles(f.files); err != nil {
		return nil, err
	}
	cert, key, err := f.makeCertificate(dir)
	if err != nil {
		return nil, err
	}
	bin := o.bin
	if bin == "" {
		bin = filepath.Join(dir, "bin")
		out, err := exec.Command("go", "build", "-o", bin+string(filepath.Separator),
			"github.com/headrace/headrace/examples/...").CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("building the examples: %w: %s", err, out)
		}
	}
	for _, s := range []struct {
		name, command string
		args          []string
	}{
		{"echo handler", "echo", []string{"-mode", "handler"}},
		{"echo fiber", "echo", []string{"-mode", "fiber"}},
		{"echo stdnet", "echo", []string{"-mode", "stdnet"}},
		{"echo udp", "udpecho", []string{"-mode", "handler"}},
		{"echo udp fiber", "udpecho", []string{"-mode", "fiber"}},
		{"fileserver", "fileserver", []string{"-root", f.files}},
		{"fileserver https", "fileserver", []string{"-root", f.files, "-tls-cert", cert, "-tls-key", key}},
		{"upload", "upload", []string{"-dir", f.uploads, "-sync=false"}},
		{"httphello net/http", "httphello", []string{"-engine", "nethttp"}},
		{"httphello fiber", "httphello", []string{"-engine", "fiber"}},
		{"proxy", "proxy", nil},
	} {
		if s.command == "proxy" {
			s.args = []string{"-to", f.byName["echo handler"].addr}
		}
		err := f.start(o, s.name, filepath.Join(bin, s.command), s.args)
		for tries := 1; tries < 5 && errors.Is(err, errTaken); tries++ {
			err = f.start(o, s.name, filepath.Join(bin, s.command), s.args)
		}
		if err != nil {
			f.kill()
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return f, nil
}

// start starts one server and waits until it listens.
func (f *fleet) start(o *options, name, command string, args []string) error {
	if goruntime.GOOS == "windows" {
		command += ".exe"
	}
	debug, err := freeAddress()
	if err != nil {
		return err
	}
	s := &server{name: name, debug: debug, rest: make(chan string, 1)}
	args = append(args, "-addr", "127.0.0.1:0", "-backend", o.backend, "-loops", fmt.Sprint(o.loops),
		"-debug", debug, "-stall", (o.maxStall / 2).String(), "-v")
	if o.faults != 0 {
		args = append(args, "-faults", strconv.FormatUint(o.faults, 10))
	}
	s.cmd = exec.Command(command, args...)
	s.cmd.Stderr = &s.stderr
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	r := bufio.NewReader(stdout)
	line, err := r.ReadString('\n')
	if err != nil {
		err = errors.Join(err, s.cmd.Wait(), errors.New(s.stderr.String()))
		if strings.Contains(err.Error(), "address already in use") {
			err = errors.Join(errTaken, err)
		}
		return err
	}
	f.all = append(f.all, s)
	f.byName[name] = s
	go func() {
		rest, _ := io.ReadAll(r) // ends with the process
		s.rest <- string(rest)
	}()
	for _, word := range strings.Fields(line) {
		if addr, ok := strings.CutPrefix(word, "addr="); ok {
			s.addr = addr
		}
		if engine, ok := strings.CutPrefix(word, "backend="); ok {
			s.engine = engine
		}
	}
	if s.addr == "" {
		return fmt.Errorf("printed %q", line)
	}
	return nil
}

// errTaken says that somebody else was quicker to use a free port.
var errTaken = errors.New("port taken")

// freeAddress finds a port, free so far.
func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// tail keeps the beginning of what is written to it: the first cause says most.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	const most = 64 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p[:min(len(p), max(0, most-t.buf.Len()))])
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

// stop ends all servers in order, and tells of those that did not pass.
func (f *fleet) stop() (failed error) {
	for i := len(f.all) - 1; i >= 0; i-- { // the proxy before its target
		s := f.all[i]
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // its end tells
		bite := time.AfterFunc(time.Minute, func() { _ = s.cmd.Process.Kill() })
		<-s.rest
		err := s.cmd.Wait()
		bite.Stop()
		s.ended = true
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w: %s", s.name, err, s.stderr.String()))
		}
	}
	return failed
}

// gone tells of servers that have ended though nobody asked them to.
func (f *fleet) gone() (all error) {
	for _, s := range f.all {
		select {
		case rest := <-s.rest:
			s.rest <- rest // for stop
			all = errors.Join(all, fmt.Errorf("%s has ended: %s%s", s.name, rest, s.stderr.String()))
		default:
		}
	}
	return all
}

// kill ends what still runs.
func (f *fleet) kill() {
	for _, s := range f.all {
		if !s.ended {
			_ = s.cmd.Process.Kill()
			_ = s.cmd.Wait()
		}
	}
}

// vars is what we read of /debug/vars.
type vars struct {
	Goroutines int         `json:"goroutines"`
	Stalls     []app.Stall `json:"stalls"`
	Headrace   struct {
		Loops []struct {
			Conns, Timers  int
			Stalls, Panics uint64
			Pool           buffers.PoolStats
		}
	} `json:"headrace"`
}

// vars asks a server how it is. On a machine that has no time the server may end the
// connection before it has read the request: one answer of three is enough.
func (f *fleet) vars(s *server) (v vars, err error) {
	for range 3 {
		var r *http.Response
		if r, err = f.client.Get("http://" + s.debug + "/debug/vars"); err != nil {
			continue
		}
		err = json.NewDecoder(r.Body).Decode(&v)
		r.Body.Close()
		break
	}
	return v, err
}
