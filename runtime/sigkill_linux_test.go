//go:build linux

package runtime_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// killedSize is what a server sends to each peer: more than sockets hold.
const killedSize = 16 << 20

// killedServer serves until it is killed.
func killedServer(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 2})
	tell("%v", listen(t, rt, "tcp", acceptWhole(patternBytes())))
	obey(func(string) {})
}

func patternBytes() []byte {
	var all bytes.Buffer
	writePattern(&all, killedSize)
	return all.Bytes()
}

// acceptWhole sends the content to everybody, and takes what they send.
func acceptWhole(content []byte) runtime.AcceptFunc {
	return func(*runtime.Conn) runtime.Handler {
		return &funcs{
			open: func(c *runtime.Conn) {
				var chain buffers.Chain
				chain.Append(buffers.Wrap(content, nil))
				_ = c.Send(chain)
			},
			data: func(_ *runtime.Conn, in *buffers.Chain) { in.Release() },
		}
	}
}

// TestServerIsKilled: a server that is killed with SIGKILL while it serves leaves its
// port to the next one, and its peers have a beginning of what was sent and their end.
func TestServerIsKilled(t *testing.T) {
	if isChild(t) {
		killedServer(t)
		return
	}
	content := patternBytes()
	eachBackend(t, func(t *testing.T, b runtime.Backend, env string) {
		const peers = 20
		for range 3 {
			server := newChild(t, env)
			addr := server.start()
			begun, errs, killed := make(chan error, peers), make(chan error, peers), make(chan struct{})
			var clients sync.WaitGroup
			for i := range peers {
				clients.Go(func() { errs <- untilKilled(addr, content, i%2 == 0, begun, killed) })
			}
			for range peers {
				require.NoError(t, receive(t, begun))
			}
			require.NoError(t, server.cmd.Process.Kill())
			_ = server.cmd.Wait() // says that it was killed
			server.ended = true
			close(killed)

			rt := newRuntime(t, &runtime.Config{Loops: 2, Backend: b})
			listenSometime(t, rt, addr, acceptWhole(content))
			whole, err := readWhole(addr)
			require.NoError(t, err)
			require.True(t, bytes.Equal(content, whole), "%d bytes, or other ones", len(whole))
			clients.Wait()
			for range peers {
				require.NoError(t, <-errs)
			}
			require.NoError(t, rt.Close())
		}
	})
}

// listenSometime is Listen with more patience, for a machine that is slow to end what
// was killed.
func listenSometime(t *testing.T, rt *runtime.Runtime, addr string, accept runtime.AcceptFunc) {
	began := time.Now()
	_, err := rt.Listen(context.Background(), "tcp", addr, accept)
	for errors.Is(err, syscall.EADDRINUSE) && time.Since(began) < watchdog {
		_, err = rt.Listen(context.Background(), "tcp", addr, accept)
	}
	require.NoError(t, err, "the one before is in the way")
}

// readWhole takes all of the content.
func readWhole(addr string) ([]byte, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(watchdog)); err != nil {
		return nil, err
	}
	whole := make([]byte, killedSize)
	n, err := io.ReadFull(c, whole)
	return whole[:n], err
}

// untilKilled takes the first bytes, and sends if it shall, until the server is gone.
// The end is an error, or an orderly one: the kernel closes what a process leaves open,
// and only a length tells a part from the whole.
func untilKilled(addr string, content []byte, sends bool, begun chan<- error, killed <-chan struct{}) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		begun <- err
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(watchdog)); err != nil {
		begun <- err
		return err
	}
	got := make([]byte, 10_000)
	_, err = io.ReadFull(c, got)
	begun <- err
	if err != nil {
		return err
	}
	var writer sync.WaitGroup
	defer writer.Wait()
	if sends {
		writer.Go(func() {
			for err := error(nil); err == nil; {
				_, err = c.Write(content[:64<<10])
			}
		})
	}
	<-killed // stuck with most of it: nothing was read meanwhile
	rest, err := io.ReadAll(c)
	if late, ok := err.(net.Error); ok && late.Timeout() {
		return fmt.Errorf("no end came: %w", err)
	}
	if got = append(got, rest...); !bytes.HasPrefix(content, got) || len(got) == len(content) {
		return fmt.Errorf("%d bytes of %d came before the end, or other ones", len(got), len(content))
	}
	return nil
}
