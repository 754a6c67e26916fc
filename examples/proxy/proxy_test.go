package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/examples/internal/apptest"
	"github.com/headrace/headrace/internal/testport"
)

const (
	watchdog = 2 * time.Minute // bounds every wait; nothing is decided by it
	tick     = time.Millisecond
)

func TestMain(m *testing.M) { apptest.Main(m) }

// upstream is a target of the test's own, which hands each connection to serve.
func upstream(t *testing.T, network string, serve func(c net.Conn)) string {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	ln, err := net.Listen(network, address)
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(watchdog))
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	if network == "unix" {
		return "unix:" + address
	}
	return ln.Addr().String()
}

func echo(c net.Conn) {
	_, _ = io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
	_ = c.(interface{ CloseWrite() error }).CloseWrite()
	_, _ = io.Copy(io.Discard, c)
}

// named answers with its name.
func named(name string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, name) }
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	network := "tcp"
	if strings.HasPrefix(addr, "/") {
		network = "unix"
	}
	c, err := net.Dial(network, addr)
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(watchdog)))
	t.Cleanup(func() { c.Close() })
	return c
}

// ask reads all that a connection through the proxy gives.
func ask(t *testing.T, addr string) string {
	t.Helper()
	c := dial(t, addr)
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.NoError(t, c.Close())
	return string(got)
}

// stream sends size bytes and compares what returns by its hash.
func stream(c net.Conn, size int64) error {
	sent, got := sha256.New(), sha256.New()
	go func() {
		src := io.LimitReader(mathrand.NewChaCha8([32]byte{2}), size)
		_, _ = io.Copy(struct{ io.Writer }{io.MultiWriter(c, sent)}, src)
		_ = c.(interface{ CloseWrite() error }).CloseWrite()
	}()
	n, err := io.Copy(got, c)
	if err == nil && (n != size || !bytes.Equal(sent.Sum(nil), got.Sum(nil))) {
		err = fmt.Errorf("%d bytes came back of %d, or other ones", n, size)
	}
	return err
}

func TestStreams(t *testing.T) {
	for _, target := range []string{"tcp", "unix"} {
		to := upstream(t, target, echo)
		for _, addr := range []string{"127.0.0.1:0", "unix:" + filepath.Join(t.TempDir(), "p")} {
			s := apptest.Start(t, "-addr", addr, "-to", to)
			for _, size := range []int64{0, 1, 100, 64<<10 + 1, 32 << 20} {
				require.NoError(t, stream(dial(t, s.Addr), size), "%d bytes from %s to %s", size, addr, to)
			}
			told := s.Stop()
			require.Contains(t, told, "target="+to+" active=0 connections=5 refused=0 failed=0")
			require.Contains(t, told, "nowhere=0 client_errors=0 idle=0")
		}
	}
}

func TestManyConnections(t *testing.T) {
	const conns = 200
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-to", upstream(t, "tcp", echo), "-to", upstream(t, "unix", echo))
	before := s.Descriptors()
	errs := make(chan error, conns)
	for i := range conns {
		go func() {
			c, err := net.Dial("tcp", s.Addr)
			if err == nil {
				err = errors.Join(c.SetDeadline(time.Now().Add(watchdog)), stream(c, int64(i*i)), c.Close())
			}
			errs <- err
		}()
	}
	for range conns {
		require.NoError(t, <-errs)
	}
	s.Settled(before)
	require.Contains(t, s.Stop(), fmt.Sprintf("connections=%d ", conns/2))
}

func TestBalance(t *testing.T) {
	a, b := upstream(t, "tcp", named("a")), upstream(t, "tcp", named("b"))
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-to", a, "-to", b)
	require.Equal(t, "abab", ask(t, s.Addr)+ask(t, s.Addr)+ask(t, s.Addr)+ask(t, s.Addr))
	s.Stop()
}

// TestLeastConnections: who has fewest connections is next, whosever turn it is.
func TestLeastConnections(t *testing.T) {
	held := func(name string) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = io.WriteString(c, name)
			_, _ = io.Copy(io.Discard, c)
		}
	}
	page := testport.Refusing(t)
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-balance", "least", "-stats", page,
		"-to", upstream(t, "tcp", held("a")), "-to", upstream(t, "tcp", held("b")))
	open := map[string][]net.Conn{}
	connect := func() (name string) {
		c := dial(t, s.Addr)
		buf := make([]byte, 1)
		_, err := io.ReadFull(c, buf)
		require.NoError(t, err)
		open[string(buf)] = append(open[string(buf)], c)
		return string(buf)
	}
	require.Equal(t, "abab", connect()+connect()+connect()+connect())
	for _, c := range open["b"] {
		require.NoError(t, c.Close())
	}
	require.Eventually(t, func() bool {
		got, err := statistics(page)
		return err == nil && got.Targets[1].Active == 0
	}, watchdog, tick)
	require.Equal(t, "bb", connect()+connect())
	for _, c := range append(open["a"], open["b"]...) {
		c.Close()
	}
	s.Stop()
}

// statistics asks for the proxy's statistics.
func statistics(page string) (got snapshot, err error) {
	client := http.Client{Timeout: watchdog}
	defer client.CloseIdleConnections()
	res, err := client.Get("http://" + page)
	if err != nil {
		return got, err
	}
	defer res.Body.Close()
	return got, json.NewDecoder(res.Body).Decode(&got)
}

func TestRefusingTargets(t *testing.T) {
	dead, alive := testport.Refusing(t), upstream(t, "tcp", named("alive"))
	missing := "unix:" + filepath.Join(t.TempDir(), "none")
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-to", dead, "-to", missing, "-to", alive, "-rest", "1h")
	for range 6 {
		require.Equal(t, "alive", ask(t, s.Addr))
	}
	told := s.Stop()
	require.Contains(t, told, "target="+dead+" active=0 connections=0 refused=1 failed=0")
	require.Contains(t, told, "target="+missing+" active=0 connections=0 refused=1 failed=0")
	require.Contains(t, told, "target="+alive+" active=0 connections=6 refused=0 failed=0")

	s = apptest.Start(t, "-addr", "127.0.0.1:0", "-to", dead, "-to", missing)
	c, err := net.Dial("tcp", s.Addr) // the reset may come before Dial returns
	if err == nil {
		require.NoError(t, c.SetDeadline(time.Now().Add(watchdog)))
		_, err = io.ReadAll(c)
		c.Close()
	}
	require.ErrorContains(t, err, "reset", "no answer is not an empty one")
	require.Contains(t, s.Stop(), "nowhere=1 ")
}

// TestTargetComesBack: a target that refused is tried again when its rest is over.
func TestTargetComesBack(t *testing.T) {
	addr := testport.Refusing(t)
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-to", addr, "-to", upstream(t, "tcp", named("other")), "-rest", "1ms")
	require.Equal(t, "other", ask(t, s.Addr))
	ln, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			named("back")(c)
			c.Close()
		}
	}()
	require.Eventually(t, func() bool { return ask(t, s.Addr) == "back" }, watchdog, tick)
	s.Stop()
}

// TestResets: either side's reset is passed on, behind what came before it, and leaves
// nothing behind.
func TestResets(t *testing.T) {
	rude := func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, 4))
		_, _ = c.Write([]byte("half of it"))
		_, _ = io.ReadFull(c, make([]byte, 4)) // they have it
		_ = c.(*net.TCPConn).SetLinger(0)
	}
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-to", upstream(t, "tcp", rude))
	before := s.Descriptors()
	for range 20 {
		c := dial(t, s.Addr)
		_, err := c.Write([]byte("ping"))
		require.NoError(t, err)
		_, err = io.ReadFull(c, make([]byte, len("half of it")))
		require.NoError(t, err)
		_, err = c.Write([]byte("more"))
		require.NoError(t, err)
		_, err = io.ReadAll(c)
		require.ErrorIs(t, err, syscall.ECONNRESET, "it must not look whole")
		require.NoError(t, c.Close())
	}
	s.Settled(before)
	require.Contains(t, s.Stop(), "connections=20 refused=0 failed=20")

	s = apptest.Start(t, "-addr", "127.0.0.1:0", "-to", upstream(t, "tcp", echo))
	before = s.Descriptors()
	for range 20 {
		c := dial(t, s.Addr)
		_, err := c.Write([]byte("ping"))
		require.NoError(t, err)
		_, err = io.ReadFull(c, make([]byte, 4))
		require.NoError(t, err)
		require.NoError(t, c.(*net.TCPConn).SetLinger(0))
		require.NoError(t, c.Close())
	}
	s.Settled(before)
	told := s.Stop()
	require.Contains(t, told, "connections=20 refused=0 failed=0")
	require.Contains(t, told, "client_errors=20 ")
}

// TestDrain: connections go on after the signal, and new ones are not taken.
func TestDrain(t *testing.T) {
	for _, drain := range []string{"1h", "0"} {
		t.Run(drain, func(t *testing.T) { drains(t, drain) })
	}
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-to", upstream(t, "tcp", echo), "-drain", "20ms")
	c := dial(t, s.Addr)
	_, err := c.Write([]byte("x"))
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, 1))
	require.NoError(t, err)
	require.Contains(t, s.Stop(), "cut off")
}

func drains(t *testing.T, drain string) {
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-to", upstream(t, "tcp", echo), "-drain", drain)
	c := dial(t, s.Addr)
	_, err := c.Write([]byte("before"))
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, 6))
	require.NoError(t, err)
	told := make(chan string, 1)
	go func() { told <- s.Stop() }()
	require.Eventually(t, func() bool {
		extra, err := net.Dial("tcp", s.Addr)
		if err == nil {
			extra.Close()
		}
		return err != nil
	}, watchdog, tick)
	require.NoError(t, stream(c, 1<<20))
	require.NoError(t, c.Close())
	require.NotContains(t, <-told, "cut off")
}

func TestIdle(t *testing.T) {
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-to", upstream(t, "tcp", echo), "-idle", "50ms")
	_, err := io.ReadAll(dial(t, s.Addr))
	require.Error(t, err)
	require.Contains(t, s.Stop(), "idle=1")
}

func TestStatistics(t *testing.T) {
	page := testport.Refusing(t)
	to := upstream(t, "tcp", echo)
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-to", to, "-stats", page)
	require.NoError(t, stream(dial(t, s.Addr), 1000))
	var got snapshot
	require.Eventually(t, func() bool {
		var err error
		got, err = statistics(page)
		return err == nil && got.Targets[0].Sent == 1000
	}, watchdog, tick)
	require.Equal(t, targetStats{Target: to, Total: 1, Sent: 1000, Got: 1000}, got.Targets[0])
	s.Stop()
}

// TestMemory: what passes through is not held, however much and however slow.
func TestMemory(t *testing.T) {
	const size, limit = 64 << 20, 8 << 20
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-loops", "1", "-to", upstream(t, "tcp", echo))
	require.NoError(t, stream(dial(t, s.Addr), 1<<20))
	before := s.Memory()
	c := dial(t, s.Addr)
	require.NoError(t, stream(c, size))
	if before > 0 {
		require.Less(t, s.PeakMemory()-before, int64(limit))
	}
	s.Stop()
}

// TestNoLimits: zero is for ever, and no rest for a target that refused.
func TestNoLimits(t *testing.T) {
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-to", upstream(t, "tcp", echo),
		"-connect", "0", "-idle", "0", "-slow", "0", "-rest", "0")
	require.NoError(t, stream(dial(t, s.Addr), 1<<20))
	require.Contains(t, s.Stop(), "connections=1 refused=0 failed=0")
}

func TestMistakes(t *testing.T) {
	apptest.CommonMistakes(t)
	for want, args := range map[string][]string{
		"no target":           {},
		"invalid value":       {"-to", "nonsense"},
		"-connect is -1s":     {"-to", "a:1", "-connect", "-1s"},
		"-rest is -1s":        {"-to", "a:1", "-rest", "-1s"},
		"-idle is -1s":        {"-to", "a:1", "-idle", "-1s"},
		"-slow is -1s":        {"-to", "a:1", "-slow", "-1s"},
		"have round-robin":    {"-to", "a:1", "-balance", "best"},
		"unexpected argument": {"-to", "a:1", "b:2"},
	} {
		require.Contains(t, apptest.Fail(t, args...), want)
	}
}

// TestReadme: it tells of all flags.
func TestReadme(t *testing.T) { apptest.Documented(t) }
