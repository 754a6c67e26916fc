package app

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync/atomic"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/stdnet"
)

// inherited returns the listening sockets that this process was given, and whether
// a former process of this program gave them.
func inherited() (files []*os.File, handed bool, err error) {
	handed = os.Getenv("LISTEN_PID") == "" // which systemd sets
	files, err = runtime.ListenFDs()
	return files, handed, err
}

// Listen listens where the flags say, or on the sockets that this process was given:
// by systemd, or by a former process of this program.
func (f *Flags) Listen(rt *runtime.Runtime, accept runtime.AcceptFunc) (*runtime.Listener, error) {
	files, handed, err := inherited()
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		network, address := f.Network()
		return rt.Listen(context.Background(), network, address, accept)
	}
	var sockets []driver.Detached
	for _, file := range files {
		sockets = append(sockets, file)
	}
	ln, err := rt.ListenOnEach(sockets, accept)
	if err == nil {
		ln.SetUnlinkOnClose(handed)
	}
	return ln, err
}

// StdListener counts what it accepts: the runtime knows of connections on its loops only.
type StdListener struct {
	*stdnet.Listener
	accepted atomic.Uint64
}

// Accept waits for the next connection.
func (ln *StdListener) Accept() (net.Conn, error) {
	c, err := ln.Listener.Accept()
	if err == nil {
		ln.accepted.Add(1)
	}
	return c, err
}

// Served is what Server.Served tells.
func (ln *StdListener) Served() string { return fmt.Sprintf("connections=%d", ln.accepted.Load()) }

// ListenStd is Listen for programs on package net.
func (f *Flags) ListenStd(lc *stdnet.ListenConfig) (*StdListener, error) {
	files, handed, err := inherited()
	if err != nil {
		return nil, err
	}
	var ln net.Listener
	switch len(files) {
	case 0:
		network, address := f.Network()
		ln, err = lc.Listen(context.Background(), network, address)
	case 1:
		if ln, err = lc.FileListener(files[0]); err == nil {
			ln.(*stdnet.Listener).SetUnlinkOnClose(handed)
		}
		files[0].Close()
	default:
		err = fmt.Errorf("%d listening sockets were given, and one is wanted", len(files))
	}
	if err != nil {
		return nil, err
	}
	return &StdListener{Listener: ln.(*stdnet.Listener)}, nil
}

// serve waits for the end, and reports whether a new process goes on.
func (s *Server) serve(ctx context.Context, hangup <-chan os.Signal, out io.Writer) (upgraded bool) {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-hangup:
		}
		pid, err := s.handOver(ctx)
		if err == nil {
			fmt.Fprintf(out, "handed over pid=%d\n", pid)
			return true
		}
		fmt.Fprintln(os.Stderr, "no upgrade, this process goes on:", err)
	}
}

// handOver starts this program once more, on the same sockets.
func (s *Server) handOver(ctx context.Context) (pid int, err error) {
	if s.Listener == nil {
		return 0, fmt.Errorf("this program has nothing to hand over")
	}
	name, err := os.Executable()
	if err != nil {
		return 0, err
	}
	ctx, cancel := Within(ctx, s.Drain)
	defer cancel()
	cmd := exec.Command(name, os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := runtime.HandOver(ctx, cmd, s.Listener); err != nil {
		return 0, err
	}
	if u, ok := s.Listener.(interface{ SetUnlinkOnClose(bool) }); ok {
		u.SetUnlinkOnClose(false)
	}
	return cmd.Process.Pid, nil
}

// drain gives connections half of the time to end by themselves: who has just
// connected has a request to make.
func (s *Server) drain() {
	ctx, cancel := Within(context.Background(), (s.Drain+1)/2) // not 0, which is for ever
	defer cancel()
	if s.Unseen != nil {
		s.Unseen(ctx)
	}
	_ = s.Runtime.Drain(ctx) // what is left is Shutdown's
}
