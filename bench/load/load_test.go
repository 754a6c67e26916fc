//go:build linux

package load

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// serve runs handle on a goroutine per connection until the test ends.
func serve(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
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
				handle(c)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	return ln.Addr().String()
}

// copyBack is an echo whose writer is not a ReaderFrom: no splice between a connection and itself.
func copyBack(c net.Conn) { _, _ = io.Copy(struct{ io.Writer }{c}, c) }

func short(kind, addr string) Spec {
	return Spec{Kind: kind, Addr: addr, Conns: 4, Size: 64, Warmup: 10 * time.Millisecond,
		Duration: 100 * time.Millisecond, Patience: 30 * time.Second}
}

func TestEcho(t *testing.T) {
	addr := serve(t, copyBack)
	tests := map[string]func(*Spec){
		"one byte":            func(s *Spec) { s.Size = 1 },
		"one connection":      func(s *Spec) { s.Conns = 1 },
		"deep":                func(s *Spec) { s.Depth = 32 },
		"larger than sockets": func(s *Spec) { s.Size = 8 << 20; s.Conns = 2; s.Duration = 300 * time.Millisecond },
		"several threads":     func(s *Spec) { s.Threads = 3 },
		"churn":               func(s *Spec) { s.Kind = Churn },
		"open":                func(s *Spec) { s.Kind = Open; s.Rate = 2000 },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			spec := short(Echo, addr)
			change(&spec)
			r, err := Run(spec)
			require.NoError(t, err)
			require.Zero(t, r.Errors, r.Error)
			require.Positive(t, r.Ops)
			require.GreaterOrEqual(t, r.Elapsed, spec.Duration)
			require.Positive(t, r.Client)
			require.Positive(t, r.Latency.P50)
			require.LessOrEqual(t, r.Latency.P50, r.Latency.P99)
			require.LessOrEqual(t, r.Latency.P99, r.Latency.Max)
		})
	}
}

func TestIdleSpeaksOnceAndThenSaysNothing(t *testing.T) {
	var messages atomic.Int64
	addr := serve(t, func(c net.Conn) {
		b := make([]byte, 64)
		for {
			if _, err := io.ReadFull(c, b); err != nil {
				return
			}
			messages.Add(1)
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	})
	spec := short(Idle, addr)
	spec.Conns = 50
	r, err := Run(spec)
	require.NoError(t, err)
	require.Zero(t, r.Errors, r.Error)
	require.EqualValues(t, 51, messages.Load(), "one more before the memory is read")
	require.EqualValues(t, 50, r.Total)
}

// A generator that believes everything would measure a server that drops or mixes up bytes.
func TestWrongAnswersAreErrors(t *testing.T) {
	change := func(f func([]byte) []byte) func(net.Conn) {
		return func(c net.Conn) {
			b := make([]byte, 64)
			for {
				if _, err := io.ReadFull(c, b); err != nil {
					return
				}
				if _, err := c.Write(f(b)); err != nil {
					return
				}
			}
		}
	}
	tests := map[string]struct {
		serve  func(net.Conn)
		want   error
		silent bool
	}{
		"a byte changed at the start": {change(func(b []byte) []byte { b[0]++; return b }), ErrBytes, false},
		"a byte changed at the end":   {change(func(b []byte) []byte { b[63]++; return b }), ErrBytes, false},
		"a byte changed inside":       {change(func(b []byte) []byte { b[30]++; return b }), ErrBytes, false},
		"a byte dropped": {change(func(b []byte) []byte { return append(b[:20:20], b[21:]...) }),
			ErrBytes, false},
		"closed at once": {func(net.Conn) {}, nil, false},
		"no answer":      {func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, nil, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			spec := short(Echo, serve(t, tt.serve))
			if tt.silent {
				spec.Patience = 0
			} // else the run ends when the last connection is given up
			r, err := Run(spec)
			require.ErrorIs(t, err, ErrNoAnswer)
			if tt.want != nil {
				require.ErrorIs(t, err, tt.want)
				require.EqualValues(t, spec.Conns, r.Errors)
			}
		})
	}
}

func TestHTTP(t *testing.T) {
	dir := t.TempDir()
	const size = 300 << 10
	require.NoError(t, WriteFile(filepath.Join(dir, "file"), size))
	var uploads sync.Map
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServer(http.Dir(dir)))
	mux.HandleFunc("PUT /", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		uploads.Store(r.URL.Path, b)
		w.WriteHeader(http.StatusCreated)
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	addr := srv.Listener.Addr().String()

	t.Run("get", func(t *testing.T) {
		spec := short(Get, addr)
		spec.Path, spec.Size, spec.Check = "/file", size, true
		r, err := Run(spec)
		require.NoError(t, err)
		require.Zero(t, r.Errors, r.Error)
		require.Positive(t, r.Ops)
	})
	t.Run("get of another length", func(t *testing.T) {
		spec := short(Get, addr)
		spec.Path, spec.Size = "/file", size+1
		_, err := Run(spec)
		require.ErrorIs(t, err, ErrHTTP)
	})
	t.Run("get of nothing", func(t *testing.T) {
		spec := short(Get, addr)
		spec.Path = "/absent"
		_, err := Run(spec)
		require.ErrorIs(t, err, ErrHTTP)
	})
	t.Run("get of other content", func(t *testing.T) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "zeros"), make([]byte, size), 0o644))
		spec := short(Get, addr)
		spec.Path, spec.Size, spec.Check = "/zeros", size, true
		_, err := Run(spec)
		require.ErrorIs(t, err, ErrBytes)
	})
	t.Run("put", func(t *testing.T) {
		spec := short(Put, addr)
		spec.Path, spec.Size, spec.Conns = "/up-", size, 2
		r, err := Run(spec)
		require.NoError(t, err)
		require.Zero(t, r.Errors, r.Error)
		for _, name := range []string{"/up-0", "/up-1"} {
			b, ok := uploads.Load(name)
			require.True(t, ok, name)
			require.Equal(t, []byte(newPattern(size).at(0, size)), b)
		}
	})
	t.Run("put, as a file", func(t *testing.T) {
		path, content := filepath.Join(dir, "up"), newPattern(3<<20).at(0, 3<<20)
		for name, b := range map[string][]byte{"right": content, "short": content[:len(content)-1], "empty": nil,
			"wrong": append(append([]byte(nil), content[:2<<20]...), make([]byte, 1<<20)...)} {
			require.NoError(t, os.WriteFile(path, b, 0o644))
			if name == "right" {
				require.NoError(t, CheckFile(path, len(content)))
			} else {
				require.ErrorIs(t, CheckFile(path, len(content)), ErrBytes, name)
			}
		}
		require.ErrorIs(t, CheckFile(path+"-none", 1), os.ErrNotExist)
	})
	t.Run("slow", func(t *testing.T) {
		spec := short(Slow, addr)
		spec.Path, spec.Size, spec.Check, spec.Rate = "/file", size, true, 100_000
		spec.Duration = 300 * time.Millisecond
		r, err := Run(spec)
		require.NoError(t, err)
		require.Zero(t, r.Errors, r.Error)
		// Never faster than asked for, over the run and the two steps of credit at its start.
		most := float64(spec.Conns) * spec.Rate * (r.Elapsed.Seconds() + 3*slowStepMs/1e3)
		require.LessOrEqual(t, float64(r.Bytes), most)
		require.Positive(t, r.Bytes)
	})
}

// A server that stops for a while must be charged for the messages that were due meanwhile; a closed
// loop would see one slow answer for each connection.
func TestOpenLoopCountsWhatWasDueDuringAStall(t *testing.T) {
	const stall, before = 200 * time.Millisecond, 20
	var count atomic.Int64
	addr := serve(t, func(c net.Conn) {
		b := make([]byte, 64)
		for {
			if _, err := io.ReadFull(c, b); err != nil {
				return
			}
			if count.Add(1) == before { // the warm-up ends with the first
				time.Sleep(stall)
			}
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	})
	spec := short(Open, addr)
	spec.Conns, spec.Rate, spec.Warmup, spec.Duration = 1, 1000, 0, 400*time.Millisecond
	r, err := Run(spec)
	require.NoError(t, err)
	// About half of all messages were due during the stall and waited half of it on average.
	require.Greater(t, r.Latency.P90, stall/4)
}
