package runtime_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// TestShutdownWithManyTransfers: transfers that are under way when Shutdown begins
// come to their ends: every peer has all of it, in order.
func TestShutdownWithManyTransfers(t *testing.T) {
	peers, size := 1000, 200_000
	if testing.Short() {
		peers = 100
	}
	rt, err := runtime.New(&runtime.Config{Loops: 2, LingerTimeout: watchdog})
	require.NoError(t, err)
	content := randomBytes(size)
	addr := listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler {
		return &funcs{open: func(c *runtime.Conn) {
			var chain buffers.Chain
			chain.Append(buffers.Wrap(content, nil))
			_ = c.Send(chain)
		}}
	})
	begun, goOn := make(chan error, peers), make(chan struct{})
	ends := make(chan error, peers)
	var clients sync.WaitGroup
	for range peers {
		clients.Go(func() { ends <- takeSlowly(addr, content, begun, goOn) })
	}
	for range peers { // each has some of it, and does not read on
		require.NoError(t, receive(t, begun))
	}
	down := make(chan error, 1)
	go func() { down <- rt.Shutdown(context.Background()) }()
	close(goOn)
	clients.Wait()
	for range peers {
		require.NoError(t, <-ends)
	}
	require.NoError(t, receive(t, down))
}

// takeSlowly reads a little, waits, and reads the rest up to its end.
func takeSlowly(addr net.Addr, content []byte, begun chan<- error, goOn <-chan struct{}) error {
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		begun <- err
		return err
	}
	c := conn.(*net.TCPConn)
	defer c.Close()
	err = errors.Join(c.SetReadBuffer(16<<10), c.SetDeadline(time.Now().Add(watchdog)))
	got := make([]byte, 1000)
	if err == nil {
		_, err = io.ReadFull(c, got)
	}
	begun <- err
	<-goOn
	if err != nil {
		return err
	}
	rest, err := io.ReadAll(c)
	if err != nil {
		return err
	}
	if got = append(got, rest...); !bytes.Equal(got, content) {
		return fmt.Errorf("%d bytes came of %d, or other ones", len(got), len(content))
	}
	return nil
}

// TestKillsAtEveryStage: whatever is killed, and when, peers get a beginning of what
// was sent, an orderly end only after all of it, and the next server starts at once.
func TestKillsAtEveryStage(t *testing.T) {
	content := randomBytes(300_000)
	var queued sync.Map // addresses of the peers whom something was sent
	send := func(c *runtime.Conn) {
		var chain buffers.Chain
		chain.Append(buffers.Wrap(content, nil))
		if c.Send(chain) == nil {
			queued.Store(c.RemoteAddr().String(), true)
		}
	}
	address := "127.0.0.1:0"
	stages := map[string]func(c *runtime.Conn){
		"panic before a byte":   func(*runtime.Conn) { panic("as asked") },
		"panic with all queued": func(c *runtime.Conn) { send(c); panic("as asked") },
		"panic in a later turn": func(c *runtime.Conn) {
			send(c)
			c.Loop().AfterFunc(0, func() { panic("in a timer") })
			c.AfterSent(func(error) { panic("with all sent") })
		},
		"abort with all queued": func(c *runtime.Conn) { send(c); c.Abort(io.ErrNoProgress) },
		"abort a turn later": func(c *runtime.Conn) {
			send(c)
			c.Loop().AfterFunc(0, func() { c.Abort(io.ErrNoProgress) })
		},
		"close of the runtime": func(c *runtime.Conn) {
			send(c)
			go c.Loop().Runtime().Close()
		},
		"shutdown without time": func(c *runtime.Conn) {
			send(c)
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			go c.Loop().Runtime().Shutdown(ctx)
		},
		"close in order": func(c *runtime.Conn) { send(c); c.Close() },
	}
	for name, stage := range stages {
		t.Run(name, func(t *testing.T) {
			rt := newRuntime(t, &runtime.Config{Loops: 2})
			ln, err := rt.Listen(context.Background(), "tcp", address, func(*runtime.Conn) runtime.Handler {
				return &funcs{open: stage}
			})
			require.NoError(t, err, "the one before is in the way")
			address = ln.Addr().String()
			var clients sync.WaitGroup
			const peers = 20
			errs := make(chan error, peers)
			for range peers {
				clients.Go(func() { errs <- beginningOf(ln.Addr(), content, &queued, name == "close in order") })
			}
			clients.Wait()
			for range peers {
				require.NoError(t, <-errs)
			}
			_ = rt.Close() // the clean-up looks at its error
		})
	}
}

// beginningOf reads to the end, whatever it is. One that is orderly comes after all of
// the content, or where nothing of it was queued.
func beginningOf(addr net.Addr, content []byte, queued *sync.Map, all bool) error {
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		if all {
			return err
		}
		return nil // killed before we came
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(watchdog)); err != nil {
		return err
	}
	got, err := io.ReadAll(c)
	_, due := queued.LoadAndDelete(c.LocalAddr().String())
	var late net.Error
	switch {
	case !bytes.HasPrefix(content, got):
		return fmt.Errorf("%d bytes, and not those that were sent", len(got))
	case errors.As(err, &late) && late.Timeout():
		return err
	case err == nil && due && len(got) < len(content), err != nil && all:
		return fmt.Errorf("%d bytes of %d and then %v", len(got), len(content), err)
	}
	return nil
}
