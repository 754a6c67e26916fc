package runtime_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// goneAfter is what moves before the peer goes, of goneSize that were to come.
const goneAfter, goneSize = 100 << 10, 32 << 20

// pump moves the first bytes, as a peer of what is tested.
func pump(c net.Conn, reads bool) error {
	var err error
	if reads {
		_, err = io.CopyN(io.Discard, c, goneAfter)
	} else {
		_, err = io.CopyN(c, pattern(goneAfter), goneAfter)
	}
	return err
}

// pumpChild is a peer in a process of its own, to be killed: it connects to whom it is
// told, moves the first bytes, or more of them, and waits for its end.
func pumpChild() {
	tell("here")
	var c net.Conn
	obey(func(order string) {
		way, addr, _ := strings.Cut(order, " ")
		var err error
		if c == nil {
			c, err = net.Dial("tcp", addr)
		}
		if err == nil {
			err = pump(c, way == "read")
		}
		tell("%v", err)
	})
}

// goneWay is a way of moving bytes that a peer may leave in the middle of.
type goneWay struct {
	reads bool // the peer does; otherwise it writes
	cfg   runtime.Config
	serve serveFunc
}

// serveFunc listens, and tells how each transfer ended.
type serveFunc func(t *testing.T, rt *runtime.Runtime) (net.Addr, <-chan error)

// serveTold serves with begin, which tells the error of its transfer.
func serveTold(begin func(c *runtime.Conn, told func(error))) serveFunc {
	return func(t *testing.T, rt *runtime.Runtime) (net.Addr, <-chan error) {
		ends := make(chan error, 10)
		return listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler {
			return &funcs{
				open: func(c *runtime.Conn) { begin(c, func(err error) { ends <- err; c.Close() }) },
				eof:  func(*runtime.Conn) {}, // that the peer says no more ends nothing
			}
		}), ends
	}
}

func goneWays(t *testing.T) map[string]goneWay {
	f, sink, dst := patternFile(t, goneSize), newFile(t), make([]byte, goneSize)
	relay := func(t *testing.T, rt *runtime.Runtime) (net.Addr, <-chan error) {
		up, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { up.Close() })
		go func() {
			for c, err := up.Accept(); err == nil; c, err = up.Accept() {
				_, _ = io.Copy(io.Discard, c)
				c.Close()
			}
		}()
		ends, results := make(chan error, 10), make(chan *runtime.RelayResult, 10)
		go func() {
			for r := range results {
				ends <- r.ErrA
			}
		}()
		t.Cleanup(func() { close(results) })
		return listen(t, rt, "tcp", relayTo(up.Addr().String(), results)), ends
	}
	return map[string]goneWay{
		"Send": {reads: true, serve: serveTold(func(c *runtime.Conn, told func(error)) {
			var chain buffers.Chain
			chain.Append(buffers.Wrap(dst, nil))
			_ = c.Send(chain)
			c.AfterSent(told)
		})},
		"SendFile": {reads: true, serve: serveTold(func(c *runtime.Conn, told func(error)) {
			_ = c.SendFile(f, 0, -1, func(_ int64, err error) { told(err) })
		})},
		"RecvFull": {serve: serveTold(func(c *runtime.Conn, told func(error)) {
			c.RecvFull(dst, func(_ int, err error) { told(err) })
		})},
		"RecvToFile": {serve: serveTold(func(c *runtime.Conn, told func(error)) {
			c.RecvToFile(sink, 0, goneSize, nil, func(_ int64, err error) { told(err) })
		})},
		"Relay by chunks": {cfg: runtime.Config{Sizes: runtime.Sizes{Splice: -1}}, serve: relay},
		"Relay by splice": {cfg: runtime.Config{Sizes: runtime.Sizes{Splice: 1}}, serve: relay},
	}
}

// TestPeerGoes: whatever moves when the peer is killed, resets, or says no more, its end
// is told by the error that it should be, no descriptor, pipe or chunk is left behind,
// and the server goes on.
func TestPeerGoes(t *testing.T) {
	if isChild(t) {
		pumpChild()
		return
	}
	for name, way := range goneWays(t) {
		for _, how := range []string{"killed", "reset", "half-closed"} {
			t.Run(name+"/"+how, func(t *testing.T) {
				cfg := way.cfg
				cfg.Loops = 1
				rt := newRuntime(t, &cfg)
				addr, ends := way.serve(t, rt)
				splicing := strings.HasSuffix(name, "splice") && splices(rt)
				echoes := listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler { return echo{} })
				require.NoError(t, pingPong(echoes, "who opens what is opened once", 1))
				before := descriptors(t)
				for range 3 {
					spliced := rt.Stats().Total().Paths.Splices
					peerGoes(t, how, addr, way.reads, func() bool {
						return !splicing || rt.Stats().Total().Paths.Splices > spliced
					})
					checkGone(t, name, how, way.reads, receive(t, ends))
				}
				require.NoError(t, pingPong(echoes, "still here", 10))
				require.Equal(t, splicing, rt.Stats().Total().Paths.Splices > 0)
				require.Eventually(t, func() bool { return descriptors(t) <= before }, watchdog, tick)
				require.Zero(t, rt.Stats().Total().Panics)
			})
		}
	}
}

// peerGoes is a peer that moves the first bytes, more until the server is ready, and goes.
func peerGoes(t *testing.T, how string, addr net.Addr, reads bool, ready func() bool) {
	t.Helper()
	if how == "killed" {
		p, way := newChild(t), "write"
		if reads {
			way = "read"
		}
		p.start()
		require.Equal(t, "<nil>", p.ask(way+" "+addr.String()))
		for begin := time.Now(); !ready() && time.Since(begin) < watchdog; {
			require.Equal(t, "<nil>", p.ask("write"))
		}
		require.NoError(t, p.cmd.Process.Kill())
		_ = p.cmd.Wait()
		p.ended = true
		_ = p.in.Close()
		return
	}
	c, err := net.Dial("tcp", addr.String())
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(watchdog)))
	require.NoError(t, pump(c, reads))
	for begin := time.Now(); !ready() && time.Since(begin) < watchdog; {
		require.NoError(t, pump(c, reads))
	}
	if how == "reset" {
		reset(t, c)
		return
	}
	closeWrite(t, c)
	_, n := hashAll(c)
	if reads {
		require.EqualValues(t, goneSize-goneAfter, n, "nothing but its own sending has ended")
	}
}

// checkGone checks the error of a transfer. The system of a peer that is killed resets
// if there was something that it had not read, and otherwise ends the stream.
func checkGone(t *testing.T, name, how string, reads bool, err error) {
	t.Helper()
	isReset := errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	switch {
	case how == "reset" || how == "killed" && reads:
		require.True(t, isReset, "%v", err)
	case reads || strings.HasPrefix(name, "Relay"):
		require.NoError(t, err) // the end of one direction is no failure
	default:
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
}
