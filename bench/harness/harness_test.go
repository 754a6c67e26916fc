//go:build linux

package harness

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/bench/measure"
	"github.com/headrace/headrace/bench/peers"
	"github.com/headrace/headrace/bench/peers/std"
)

// TestMain lets the test binary be the servers that are started.
func TestMain(m *testing.M) {
	switch os.Getenv("HARNESS_CHILD") {
	case "":
		os.Exit(m.Run())
	case "echo":
		os.Stdout.WriteString("some other line first\n")
		if err := std.Echo(peers.Config{Addr: "127.0.0.1:0"}); err != nil {
			os.Exit(1)
		}
		os.Stdout.WriteString("served connections=3 enters=42 mode=x\n")
	case "silent":
		ln, err := net.Listen("tcp4", os.Args[1])
		if err != nil {
			os.Exit(1)
		}
		for {
			if c, err := ln.Accept(); err == nil {
				c.Close()
			}
		}
	case "crash":
		panic("no luck today")
	case "worker":
		// A master with a worker that does not listen to SIGTERM, in the same group.
		cmd := exec.Command("/bin/sh", "-c", "trap '' TERM; echo $$ > "+os.Args[2]+"; sleep 60")
		if err := cmd.Start(); err != nil {
			os.Exit(1)
		}
		if err := std.Echo(peers.Config{Addr: os.Args[1]}); err != nil {
			os.Exit(1)
		}
	}
}

func kind(name string, args ...string) Command {
	return Command{Args: append([]string{os.Args[0]}, args...), Env: []string{"HARNESS_CHILD=" + name}}
}

func seat(t *testing.T) Seat {
	t.Helper()
	cores, err := measure.Cores()
	require.NoError(t, err)
	return Seat{Cores: cores[:1]}
}

func dials(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err == nil {
		c.Close()
	}
	return err == nil
}

func TestServerAnnouncesItself(t *testing.T) {
	s, err := Start(t.Context(), kind("echo"), Params{}, seat(t))
	require.NoError(t, err)
	require.Equal(t, std.Backend, s.Backend)
	require.True(t, dials(s.Addr))
	require.NoError(t, s.Crashed())
	require.NoError(t, s.Stop())
	served := s.Served()
	require.Positive(t, served["mallocs"], "from a line of its own")
	delete(served, "mallocs")
	require.Equal(t, map[string]float64{"connections": 3, "enters": 42}, served)
	require.False(t, dials(s.Addr))
	require.ErrorIs(t, s.Crashed(), ErrCrash)
}

func TestServerThatSaysNothingIsFoundByItsPort(t *testing.T) {
	s, err := Start(t.Context(), kind("silent", "{addr}"), Params{}, seat(t))
	require.NoError(t, err)
	require.True(t, dials(s.Addr))
	require.Empty(t, s.Backend)
	require.Error(t, s.Stop(), "it ends by a signal")
}

func TestServerThatCrashesSaysWhy(t *testing.T) {
	_, err := Start(t.Context(), kind("crash"), Params{}, seat(t))
	require.ErrorIs(t, err, ErrStart)
	require.ErrorContains(t, err, "no luck today")
}

func TestProgramThatIsNotThere(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	_, err := Start(t.Context(), Command{Args: []string{"/nowhere/server"}, Config: "x"}, Params{}, seat(t))
	require.ErrorIs(t, err, ErrStart)
	require.ErrorIs(t, err, os.ErrNotExist)
	requireEmpty(t, os.Getenv("TMPDIR"))
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	file := t.TempDir() + "/pids"
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var pids []int
	go func() {
		for pids = pidsIn(file); len(pids) < 2; pids = pidsIn(file) {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	_, err := Start(ctx, Command{Args: []string{"/bin/sh", "-c", "sleep 60 & echo $$ $! > " + file + "; wait"},
		Config: "x"}, Params{}, seat(t))
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, pids, 2)
	require.Eventually(t, func() bool { return gone(pids[0]) && gone(pids[1]) }, 10*time.Second, 5*time.Millisecond)
	requireEmpty(t, os.Getenv("TMPDIR"))
}

// pidsIn reads the ids that a shell has written to a file, none as long as it has not.
func pidsIn(file string) (pids []int) {
	b, err := os.ReadFile(file)
	if err != nil || !strings.HasSuffix(string(b), "\n") {
		return nil
	}
	for _, text := range strings.Fields(string(b)) {
		if pid, err := strconv.Atoi(text); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func requireEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// What has left the group is not ours to end, but nobody waits for it either, though it holds the pipes.
func TestStopDoesNotWaitForWhatLeftTheGroup(t *testing.T) {
	file := t.TempDir() + "/pids"
	s, err := Start(t.Context(), Command{Args: []string{"/bin/sh", "-c",
		"setsid sleep 60 & echo $$ $! > " + file + "; echo listening addr=127.0.0.1:1; exec sleep 60"}}, Params{}, seat(t))
	require.NoError(t, err)
	pids := pidsIn(file)
	require.Len(t, pids, 2)
	defer func() { require.NoError(t, syscall.Kill(pids[1], syscall.SIGKILL)) }()
	require.Eventually(t, func() bool {
		group, err := syscall.Getpgid(pids[1])
		return err == nil && group == pids[1]
	}, 10*time.Second, 5*time.Millisecond)
	_ = s.Stop() // by a signal
	require.False(t, gone(pids[1]), "Stop came back before it ended")
	require.Nil(t, s.Served())
}

func TestStopEndsTheWholeGroup(t *testing.T) {
	file := t.TempDir() + "/pid"
	s, err := Start(t.Context(), kind("worker", "{addr}", file), Params{}, seat(t))
	require.NoError(t, err)
	var pid int
	require.Eventually(t, func() bool {
		b, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(b)))
		return err == nil
	}, 10*time.Second, 5*time.Millisecond)
	require.NoError(t, s.Stop())
	require.Eventually(t, func() bool { return gone(pid) }, 10*time.Second, 5*time.Millisecond)
}

// gone is true for a process that has ended, a zombie too: who reaps it is not our business.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(b), ") Z ")
}

func TestPlaceholders(t *testing.T) {
	s := &Server{Addr: "127.0.0.1:4321"}
	args, err := s.expand(Command{
		Args:   []string{"x", "{addr}", "-p={port}", "{size}/{loops}/{buffer}", "{config}", "{to}"},
		Config: "listen {addr} in {tmp} root {root}",
	}, Params{Size: 64, To: "1.2.3.4:5", Root: "/r"})
	require.NoError(t, err)
	defer os.RemoveAll(s.dir)
	require.Equal(t, []string{"x", "127.0.0.1:4321", "-p=4321", "64/1/4096", s.dir + "/config", "1.2.3.4:5"}, args)
	b, err := os.ReadFile(s.dir + "/config")
	require.NoError(t, err)
	require.Equal(t, "listen 127.0.0.1:4321 in "+s.dir+" root /r", string(b))
}
