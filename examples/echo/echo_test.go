package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/examples/internal/apptest"
	"github.com/headrace/headrace/internal/testport"
)

const watchdog = 2 * time.Minute // bounds every wait; nothing is decided by it

func TestMain(m *testing.M) { apptest.Main(m) }

func dial(addr string) (net.Conn, error) {
	network := "tcp"
	if strings.HasPrefix(addr, "/") {
		network = "unix"
	}
	c, err := net.Dial(network, addr)
	if err != nil {
		return nil, err
	}
	return c, c.SetDeadline(time.Now().Add(watchdog))
}

// stream sends size bytes in pieces, ends the stream and compares what returns.
func stream(addr string, size, piece int, slow time.Duration) error {
	c, err := dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	return streamOn(c, size, piece, slow)
}

func streamOn(c net.Conn, size, piece int, slow time.Duration) error {
	block := make([]byte, min(piece, 1<<20))
	_, _ = rand.Read(block)
	sent, got := sha256.New(), sha256.New()
	wrote := make(chan error, 1)
	go func() {
		for left := size; left > 0; {
			p := block[:min(left, len(block))]
			sent.Write(p)
			if _, err := c.Write(p); err != nil {
				wrote <- err
				return
			}
			left -= len(p)
		}
		wrote <- c.(interface{ CloseWrite() error }).CloseWrite()
	}()
	time.Sleep(slow)
	n, err := io.Copy(got, c)
	if err := errors.Join(err, <-wrote); err != nil {
		return err
	}
	if n != int64(size) || !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
		return fmt.Errorf("%d bytes came back of %d, or other ones", n, size)
	}
	return nil
}

func eachMode(t *testing.T, f func(t *testing.T, mode string)) {
	for mode := range modes {
		t.Run(mode, func(t *testing.T) { f(t, mode) })
	}
}

func TestStreams(t *testing.T) {
	sizes := []struct{ size, piece int }{
		{1, 1}, {1000, 7}, {100 << 10, 100 << 10}, {1 << 20, 1000}, {32 << 20, 1 << 20},
	}
	if !testing.Short() {
		sizes = append(sizes, struct{ size, piece int }{256 << 20, 1 << 20})
	}
	eachMode(t, func(t *testing.T, mode string) {
		s := apptest.Start(t, "-addr", "127.0.0.1:0", "-mode", mode)
		for _, z := range sizes {
			require.NoError(t, stream(s.Addr, z.size, z.piece, 0), "%d in pieces of %d", z.size, z.piece)
		}
		require.NoError(t, stream(s.Addr, 16<<20, 64<<10, 100*time.Millisecond), "slow reader")
		require.Contains(t, s.Stop(), fmt.Sprintf("served connections=%d ", len(sizes)+1))
	})
}

func TestUnixSocket(t *testing.T) {
	name := filepath.Join(t.TempDir(), "echo")
	s := apptest.Start(t, "-addr", "unix:"+name)
	require.NoError(t, stream(s.Addr, 1<<20, 1000, 0))
	s.Stop()
	require.NoFileExists(t, name)
}

// TestManyConnections: all are open at once, served, before any of them goes on.
func TestManyConnections(t *testing.T) {
	conns := 2000
	if testing.Short() {
		conns = 300
	}
	eachMode(t, func(t *testing.T, mode string) {
		s := apptest.Start(t, "-addr", "127.0.0.1:0", "-mode", mode)
		var wg, ready sync.WaitGroup
		errs := make(chan error, conns)
		ready.Add(conns)
		for i := range conns {
			wg.Go(func() {
				c, err := served(s.Addr)
				ready.Done()
				ready.Wait()
				if err == nil {
					err = streamOn(c, 1+i*7%5000, 1+i%900, 0)
					c.Close()
				}
				errs <- err
			})
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			require.NoError(t, err)
		}
		require.Contains(t, s.Stop(), fmt.Sprintf("connections=%d ", conns))
	})
}

// served dials and makes one round of a byte.
func served(addr string) (net.Conn, error) {
	c, err := dial(addr)
	if err != nil {
		return nil, err
	}
	buf := []byte{42}
	if _, err = c.Write(buf); err == nil {
		_, err = io.ReadFull(c, buf)
	}
	if err == nil && buf[0] != 42 {
		err = errors.New("another byte came back")
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func TestResetsDoNotHurtOthers(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		s := apptest.Start(t, "-addr", "127.0.0.1:0", "-loops", "1", "-mode", mode)
		bystander, err := served(s.Addr)
		require.NoError(t, err)
		defer bystander.Close()
		for range 50 {
			c, err := dial(s.Addr)
			require.NoError(t, err)
			_, err = c.Write(make([]byte, 64<<10))
			require.NoError(t, err)
			require.NoError(t, c.(*net.TCPConn).SetLinger(0))
			require.NoError(t, c.Close())
		}
		require.NoError(t, streamOn(bystander, 1<<20, 1<<20, 0))
		require.NoError(t, stream(s.Addr, 1<<20, 1<<20, 0))
		s.Stop()
	})
}

func TestStopWithOpenConnections(t *testing.T) {
	s := apptest.Start(t, "-addr", testport.Refusing(t))
	for range 10 {
		c, err := dial(s.Addr)
		require.NoError(t, err)
		defer c.Close()
	}
	s.Stop()
	_, err := dial(s.Addr)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

// TestStdnetCounts: what is not counted there is not told.
func TestStdnetCounts(t *testing.T) {
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-mode", "stdnet")
	require.NoError(t, stream(s.Addr, 1000, 1000, 0))
	require.Regexp(t, `^served connections=1 enters=\d+ completions=\d+ mallocs=\d+\n$`, s.Stop())
}

// TestDebugAddress: whoever leaves the port to the system is told it.
func TestDebugAddress(t *testing.T) {
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-debug", "127.0.0.1:0")
	var page string
	require.Eventually(t, func() bool {
		page = regexp.MustCompile(`http://127\.0\.0\.1:\d+/debug/vars\n`).FindString(s.Stderr())
		return page != ""
	}, watchdog, time.Millisecond)
	client := http.Client{Timeout: watchdog}
	defer client.CloseIdleConnections()
	res, err := client.Get(strings.TrimSpace(page))
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Contains(t, string(text), `"headrace":`)
	s.Stop()
}

func TestMistakes(t *testing.T) {
	apptest.CommonMistakes(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"unknown backend": {[]string{"-backend", "kqueue"}, `unknown backend "kqueue"`},
		"unknown mode":    {[]string{"-mode", "thread"}, `unknown -mode "thread"`},
		"no buffer":       {[]string{"-buffer", "0"}, "-buffer is 0"},
		"port in use":     {[]string{"-addr", taken.Addr().String()}, "address already in use"},
		"no port":         {[]string{"-addr", "localhost"}, "missing port"},
		"not allowed":     {[]string{"-addr", "unix:/proc/x"}, "/proc/x"},
	} {
		t.Run(name, func(t *testing.T) {
			out := apptest.Fail(t, test.args...)
			require.Contains(t, out, test.says)
		})
	}
}

// TestReadme: it tells of all flags.
func TestReadme(t *testing.T) { apptest.Documented(t) }
