package stdnet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/stdnet"
)

// ends are both ends of a connection, of package net or of ours.
type ends struct {
	network        string
	server, client net.Conn
}

// connCase is something that a program does with a connection. What it notes must
// be the same on package net's connections and on ours.
type connCase struct {
	name string
	do   func(t *testing.T, e *ends, note func(what string, n int, err error))
}

// stdEnds makes a connection of package net.
func stdEnds(t *testing.T, network string) *ends {
	t.Helper()
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(context.Background(), network, address(t, network))
	require.NoError(t, err)
	defer ln.Close()
	client, err := net.Dial(network, ln.Addr().String())
	require.NoError(t, err)
	server, err := ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { server.Close(); client.Close() })
	return &ends{network, server, client}
}

// describe says everything about an error that a program can depend on.
func (e *ends) describe(err error) string {
	if err == nil {
		return "ok"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%T", err)
	var op *net.OpError
	if errors.As(err, &op) {
		who := func(a net.Addr) string {
			switch {
			case a == nil:
				return "nil"
			case a.String() == e.server.LocalAddr().String():
				return "server"
			case a.String() == e.client.LocalAddr().String():
				return "client"
			}
			return a.String()
		}
		fmt.Fprintf(&b, " %s %s %s->%s %T", op.Op, op.Net, who(op.Source), who(op.Addr), op.Err)
		fmt.Fprintf(&b, " %q timeout=%v", op.Err.Error(), op.Timeout())
	}
	for _, is := range []error{
		io.EOF, net.ErrClosed, os.ErrDeadlineExceeded, syscall.ECONNRESET, syscall.EPIPE, syscall.ENOTCONN,
	} {
		if errors.Is(err, is) {
			fmt.Fprintf(&b, " is %q", is.Error())
		}
	}
	return b.String()
}

// run runs a case and returns what it noted, sorted: its goroutines race.
func (e *ends) run(t *testing.T, c connCase) (notes []string) {
	guard := time.AfterFunc(watchdog, func() { panic("test hangs: " + t.Name()) })
	defer guard.Stop()
	var mu sync.Mutex
	c.do(t, e, func(what string, n int, err error) {
		mu.Lock()
		defer mu.Unlock()
		notes = append(notes, fmt.Sprintf("%s: %d, %s", what, n, e.describe(err)))
	})
	slices.Sort(notes)
	return notes
}

func compare(t *testing.T, cases []connCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(t *testing.T, network string, mode stdnet.Mode) {
				want := stdEnds(t, network).run(t, c)
				e := &ends{network: network}
				e.server, e.client = pair(t, newRuntime(t), network, mode)
				require.Equal(t, want, e.run(t, c))
			})
		})
	}
}

type (
	halfCloser interface {
		CloseRead() error
		CloseWrite() error
	}
	noter = func(what string, n int, err error)
)

var longAgo = time.Unix(1, 0)

// readNote reads once and notes it.
func readNote(note noter, what string, c net.Conn) {
	n, err := c.Read(make([]byte, 100))
	note(what, n, err)
}

func writeNote(note noter, what string, c net.Conn, text string) {
	n, err := c.Write([]byte(text))
	note(what, n, err)
}

// blocked runs f on a goroutine, waits until it is likely to block in a call, and
// returns a channel that is closed when it has returned. That it blocks already
// decides nothing: the case is the same if it comes later.
func blocked(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	time.Sleep(5 * time.Millisecond)
	return done
}

func TestDeadlinesAsStd(t *testing.T) {
	compare(t, []connCase{
		{"past", func(_ *testing.T, e *ends, note noter) {
			note("set", 0, e.server.SetDeadline(longAgo))
			readNote(note, "read", e.server)
			writeNote(note, "write", e.server, "x")
			readNote(note, "read again", e.server)
			note("set", 0, e.server.SetDeadline(time.Time{}))
			writeNote(note, "write", e.client, "hello")
			readNote(note, "read", e.server)
			writeNote(note, "write", e.server, "hello")
		}},
		{"past with data", func(_ *testing.T, e *ends, note noter) {
			writeNote(note, "write", e.client, "hello")
			note("set", 0, e.server.SetReadDeadline(longAgo))
			readNote(note, "read", e.server)
			note("set", 0, e.server.SetReadDeadline(time.Time{}))
			readNote(note, "read", e.server)
		}},
		{"interrupts read", func(_ *testing.T, e *ends, note noter) {
			done := blocked(func() { readNote(note, "read", e.server) })
			note("set", 0, e.server.SetReadDeadline(longAgo))
			<-done
		}},
		{"interrupts read in time", func(_ *testing.T, e *ends, note noter) {
			note("set", 0, e.server.SetReadDeadline(time.Now().Add(time.Hour)))
			done := blocked(func() { readNote(note, "read", e.server) })
			_ = e.server.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
			<-done
			readNote(note, "read", e.server)
		}},
		{"extended", func(_ *testing.T, e *ends, note noter) {
			_ = e.server.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			_ = e.server.SetReadDeadline(time.Now().Add(time.Hour))
			done := blocked(func() { readNote(note, "read", e.server) })
			time.Sleep(100 * time.Millisecond)
			writeNote(note, "write", e.client, "late")
			<-done
		}},
		{"centuries away", func(_ *testing.T, e *ends, note noter) {
			note("set", 0, e.server.SetDeadline(time.Now().Add(math.MaxInt64)))
			done := blocked(func() { readNote(note, "read", e.server) })
			writeNote(note, "write", e.server, "x")
			writeNote(note, "write", e.client, "x")
			<-done
		}},
		{"interrupts write", func(t *testing.T, e *ends, note noter) {
			done := blocked(func() {
				for {
					if _, err := e.server.Write(make([]byte, 1<<20)); err != nil {
						note("write", 0, err)
						return
					}
				}
			})
			_ = e.server.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
			<-done
			// The connection is as good as before.
			done = blocked(func() { _, _ = io.Copy(io.Discard, e.client) })
			note("set", 0, e.server.SetWriteDeadline(time.Time{}))
			writeNote(note, "write", e.server, "more")
			writeNote(note, "write", e.client, "hello")
			readNote(note, "read", e.server)
			_ = e.server.Close()
			<-done
		}},
		{"read deadline leaves write alone", func(_ *testing.T, e *ends, note noter) {
			note("set", 0, e.server.SetReadDeadline(longAgo))
			writeNote(note, "write", e.server, "x")
			readNote(note, "read", e.client)
			note("set", 0, e.server.SetWriteDeadline(longAgo))
			note("set", 0, e.server.SetReadDeadline(time.Time{}))
			writeNote(note, "write", e.client, "x")
			readNote(note, "read", e.server)
		}},
		{"empty buffers", func(_ *testing.T, e *ends, note noter) {
			n, err := e.server.Read(nil)
			note("read", n, err)
			n, err = e.server.Write(nil)
			note("write", n, err)
			_ = e.server.SetDeadline(longAgo)
			n, err = e.server.Read(nil)
			note("read", n, err)
			n, err = e.server.Write(nil)
			note("write", n, err)
		}},
	})
}

func TestCloseAsStd(t *testing.T) {
	compare(t, []connCase{
		{"everything after close", func(_ *testing.T, e *ends, note noter) {
			note("close", 0, e.server.Close())
			readNote(note, "read", e.server)
			writeNote(note, "write", e.server, "x")
			note("set", 0, e.server.SetDeadline(time.Now()))
			note("set read", 0, e.server.SetReadDeadline(time.Now()))
			note("set none", 0, e.server.SetDeadline(time.Time{}))
			note("set no read", 0, e.server.SetReadDeadline(time.Time{}))
			note("set no write", 0, e.server.SetWriteDeadline(time.Time{}))
			note("close", 0, e.server.Close())
			note("close read", 0, e.server.(halfCloser).CloseRead())
			note("close write", 0, e.server.(halfCloser).CloseWrite())
			if c, ok := e.server.(interface{ SetNoDelay(bool) error }); ok {
				note("nodelay", 0, c.SetNoDelay(true))
			}
			note("read buffer", 0, e.server.(interface{ SetReadBuffer(int) error }).SetReadBuffer(1<<16))
			_, err := e.server.(interface{ File() (*os.File, error) }).File()
			note("file", 0, err)
			readNote(note, "peer", e.client)
		}},
		{"unblocks read", func(_ *testing.T, e *ends, note noter) {
			done := blocked(func() { readNote(note, "read", e.server) })
			_ = e.server.Close()
			<-done
		}},
		{"unblocks write", func(_ *testing.T, e *ends, note noter) {
			done := blocked(func() {
				for {
					if _, err := e.server.Write(make([]byte, 1<<20)); err != nil {
						note("write", 0, err)
						return
					}
				}
			})
			_ = e.server.Close()
			<-done
		}},
		{"what was written arrives", func(t *testing.T, e *ends, note noter) {
			writeNote(note, "write", e.server, strings.Repeat("x", 100_000))
			_ = e.server.Close()
			all, err := io.ReadAll(e.client)
			note("all", len(all), err)
		}},
		{"what was written arrives in time to linger", func(t *testing.T, e *ends, note noter) {
			if c, ok := e.server.(interface{ SetLinger(int) error }); ok {
				note("linger", 0, c.SetLinger(30))
			}
			done := blocked(func() {
				all, err := io.ReadAll(e.client)
				note("all", len(all), err)
			})
			writeNote(note, "write", e.server, strings.Repeat("x", 1_000_000))
			note("close", 0, e.server.Close())
			<-done
		}},
		{"half close", func(_ *testing.T, e *ends, note noter) {
			writeNote(note, "write", e.server, "question")
			note("close write", 0, e.server.(halfCloser).CloseWrite())
			writeNote(note, "write after", e.server, "x")
			all, err := io.ReadAll(e.client)
			note("all "+string(all), len(all), err)
			writeNote(note, "answer", e.client, "answer")
			readNote(note, "read", e.server)
			_ = e.client.Close()
			readNote(note, "read", e.server)
			readNote(note, "read", e.server)
		}},
		{"half close beside writes", func(_ *testing.T, e *ends, note noter) {
			taken := 0
			done := blocked(func() {
				for {
					n, err := e.server.Write([]byte("some bytes"))
					taken += n
					if err != nil {
						note("write", 0, err)
						return
					}
				}
			})
			all := blocked(func() {
				got, err := io.Copy(io.Discard, e.client)
				<-done
				note("lost", taken-int(got), err)
			})
			note("close write", 0, e.server.(halfCloser).CloseWrite())
			<-all
		}},
		{"close read", func(_ *testing.T, e *ends, note noter) {
			note("close read", 0, e.server.(halfCloser).CloseRead())
			readNote(note, "read", e.server)
			writeNote(note, "write", e.server, "still")
			readNote(note, "peer", e.client)
		}},
		{"close read unblocks", func(_ *testing.T, e *ends, note noter) {
			done := blocked(func() { readNote(note, "read", e.server) })
			note("close read", 0, e.server.(halfCloser).CloseRead())
			<-done
		}},
		{"close twice at once", func(_ *testing.T, e *ends, note noter) {
			first := make(chan error, 2)
			for range 2 {
				go func() { first <- e.server.Close() }()
			}
			a, b := <-first, <-first
			note("both failed", 0, errors.Join(boolErr(a == nil), boolErr(b == nil)))
		}},
	})
}

// boolErr is an error that says one of two things.
func boolErr(ok bool) error {
	if ok {
		return nil
	}
	return io.ErrNoProgress
}

func TestResetAsStd(t *testing.T) {
	reset := func(e *ends) {
		_ = e.client.(interface{ SetLinger(int) error }).SetLinger(0)
		_ = e.client.Close()
	}
	tcp := func(do func(t *testing.T, e *ends, note noter)) func(t *testing.T, e *ends, note noter) {
		return func(t *testing.T, e *ends, note noter) {
			if e.network == "tcp" {
				do(t, e, note)
			}
		}
	}
	compare(t, []connCase{
		{"read", tcp(func(_ *testing.T, e *ends, note noter) {
			done := blocked(func() {
				readNote(note, "read", e.server)
				readNote(note, "read", e.server)
				writeNote(note, "write", e.server, "x")
				writeNote(note, "write", e.server, "x")
				note("close write", 0, e.server.(halfCloser).CloseWrite())
				note("no delay", 0, e.server.(interface{ SetNoDelay(bool) error }).SetNoDelay(true))
				note("deadline", 0, e.server.SetDeadline(time.Now().Add(time.Hour)))
				note("close", 0, e.server.Close())
			})
			reset(e)
			<-done
		})},
		{"data before it", tcp(func(_ *testing.T, e *ends, note noter) {
			writeNote(note, "write", e.client, "last words")
			readNote(note, "read", e.server)
			reset(e)
			readNote(note, "read", e.server)
		})},
		{"writes into the void", tcp(func(_ *testing.T, e *ends, note noter) {
			_ = e.client.Close()
			readNote(note, "read", e.server)
			for range 1000 {
				if _, err := e.server.Write([]byte("x")); err != nil {
					note("broken", 0, boolErr(errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)))
					break
				}
				time.Sleep(time.Millisecond)
			}
		})},
	})
}
