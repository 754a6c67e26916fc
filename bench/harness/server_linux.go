//go:build linux

package harness

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Server is a running server process.
type Server struct {
	Addr    string // where it listens
	Backend string // what it announced, empty for one that announces nothing
	Line    string // the whole announcement
	proc    *process
	dir     string // of its configuration, removed by Stop
	served  chan map[string]float64
}

// Start runs a server and returns when it listens: when it has announced its address or, for one that
// does not, when the address it was given accepts a connection.
func Start(ctx context.Context, c Command, p Params, seat Seat) (*Server, error) {
	addr, err := freshAddr(seat.Net)
	if err != nil {
		return nil, err
	}
	s := &Server{Addr: addr}
	if err := s.start(ctx, c, p, seat); err != nil {
		if s.proc != nil {
			_ = s.Stop() // the reason is err
		}
		os.RemoveAll(s.dir)
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, c Command, p Params, seat Seat) error {
	args, err := s.expand(c, p)
	if err != nil {
		return err
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = environ(c.Env...) // of Go's processors there are as many as cores in its seat
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdout = in
	s.proc, err = start(cmd, seat)
	in.Close()
	if err != nil {
		out.Close()
		return fmt.Errorf("%w: %w", ErrStart, err)
	}
	return s.awaitListening(ctx, out, seat.Net)
}

// expand fills the placeholders of c and writes its configuration file, if it has one.
func (s *Server) expand(c Command, p Params) ([]string, error) {
	if c.Config != "" {
		dir, err := os.MkdirTemp("", "headrace-bench-*")
		if err != nil {
			return nil, err
		}
		s.dir = dir
	}
	config := filepath.Join(s.dir, "config")
	replace := strings.NewReplacer(
		"{addr}", s.Addr, "{port}", s.Addr[strings.LastIndexByte(s.Addr, ':')+1:],
		"{size}", strconv.Itoa(p.Size), "{buffer}", strconv.Itoa(min(max(p.Size, 4<<10), 64<<10)),
		"{loops}", strconv.Itoa(max(p.Loops, 1)),
		"{to}", p.To, "{root}", p.Root, "{dir}", p.Dir, "{tmp}", s.dir, "{config}", config)
	args := make([]string, len(c.Args))
	for i, a := range c.Args {
		args[i] = replace.Replace(a)
	}
	if c.Config == "" {
		return args, nil
	}
	return args, os.WriteFile(config, []byte(replace.Replace(c.Config)), 0o644)
}

// awaitListening takes whichever comes first, the announcement or an accepted connection.
func (s *Server) awaitListening(ctx context.Context, out *os.File, network *Network) error {
	line := make(chan string, 1)
	s.served = make(chan map[string]float64, 1)
	go func() {
		defer out.Close()
		s.read(out, line)
	}()
	timeout := time.After(startTimeout)
	for {
		select {
		case s.Line = <-line:
			return s.parse()
		case <-s.proc.ended:
			return fmt.Errorf("%w: %v: %s", ErrStart, s.proc.err, s.proc.stderr.last())
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout:
			return fmt.Errorf("%w in %v: %s", ErrStart, startTimeout, s.proc.stderr.last())
		case <-time.After(20 * time.Millisecond):
		}
		if network.answers(s.Addr) {
			// It listens; one that announces itself does so before or about now.
			select {
			case s.Line = <-line:
				return s.parse()
			case <-time.After(30 * time.Millisecond):
				return nil
			}
		}
	}
}

// read takes everything the server prints, so that it never blocks on a full pipe, and passes on the
// first line that announces it and the last one that says what it has done.
func (s *Server) read(out io.Reader, line chan<- string) {
	served := map[string]float64{}
	announced := false
	for r := bufio.NewReader(out); ; {
		text, err := r.ReadString('\n')
		switch {
		case err != nil:
			s.served <- served
			return
		case !announced && strings.HasPrefix(text, "listening "):
			line <- strings.TrimSpace(text)
			announced = true
		case strings.HasPrefix(text, "served "):
			for _, field := range strings.Fields(text) {
				key, value, _ := cut(field)
				if n, err := strconv.ParseFloat(value, 64); err == nil {
					served[key] = n
				}
			}
		}
	}
}

// Served is what the server printed about itself when it was stopped, in a line
// "served key=number …"; empty for servers that print none. Call it after Stop.
func (s *Server) Served() map[string]float64 {
	select {
	case served := <-s.served:
		return served
	case <-time.After(stopTimeout):
		return nil // something that left the group still holds the pipe
	}
}

func (s *Server) parse() error {
	for _, field := range strings.Fields(s.Line) {
		switch key, value, _ := cut(field); key {
		case "addr":
			s.Addr = value
		case "backend":
			s.Backend = value
		}
	}
	if _, _, err := net.SplitHostPort(s.Addr); err != nil {
		return fmt.Errorf("%w: it announced %q", ErrStart, s.Line)
	}
	return nil
}

// Group is the id of the server's process group.
func (s *Server) Group() int { return s.proc.group() }

// Crashed returns an error when the server has ended by itself.
func (s *Server) Crashed() error {
	if s.proc.alive() {
		return nil
	}
	return fmt.Errorf("%w: %v: %s", ErrCrash, s.proc.err, s.proc.stderr.last())
}

// Stop ends the server and everything it started.
func (s *Server) Stop() error {
	err := s.proc.stop()
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
	return err
}

func cut(kv string) (key, value string, found bool) { return strings.Cut(kv, "=") }

// answers tells whether addr accepts a connection.
func (n *Network) answers(addr string) bool {
	err := n.Do(func() error {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			c.Close()
		}
		return err
	})
	return err == nil
}

// freshAddr is a loopback address whose port was free a moment ago.
func freshAddr(n *Network) (addr string, err error) {
	err = n.Do(func() error {
		ln, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		addr = ln.Addr().String()
		return ln.Close()
	})
	return addr, err
}
