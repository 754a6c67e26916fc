//go:build unix

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/examples/internal/apptest"
)

// TestUpgrade: while one process hands over to the next, nobody is refused, and no
// stream is cut, those that began before included.
func TestUpgrade(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		s := apptest.Start(t, "-addr", "127.0.0.1:0", "-mode", mode, "-loops", "2")
		ctx, cancel := context.WithCancel(context.Background())
		var clients sync.WaitGroup
		defer clients.Wait()
		defer cancel()
		var served atomic.Int64
		const most = 8
		errs := make(chan error, most)
		for i := range most {
			clients.Go(func() {
				var err error
				for ctx.Err() == nil && err == nil {
					err = stream(s.Addr, 1+i*i*1000, 1+i*700, 0)
					served.Add(1)
				}
				errs <- err
			})
		}
		old, err := dial(s.Addr)
		require.NoError(t, err)
		for range 2 {
			for before := served.Load(); served.Load() < before+50 && len(errs) == 0; {
				sayHello(t, old)
			}
			s.Upgrade()
		}
		for before := served.Load(); served.Load() < before+50 && len(errs) == 0; {
			sayHello(t, old)
		}
		require.NoError(t, old.Close())
		cancel()
		for range most {
			require.NoError(t, <-errs)
		}
		s.Await("served ") // the first one, which had a connection all the time
		told := s.Stop()
		require.NotContains(t, told, "cut off")
	})
}

// sayHello has one message echoed.
func sayHello(t *testing.T, c interface {
	Read([]byte) (int, error)
	Write([]byte) (int, error)
}) {
	t.Helper()
	_, err := c.Write([]byte("hello"))
	require.NoError(t, err)
	buf := make([]byte, 5)
	for n := 0; n < len(buf); {
		k, err := c.Read(buf[n:])
		require.NoError(t, err)
		n += k
	}
	require.Equal(t, "hello", string(buf))
}

// TestUpgradeOfAUnixSocket: its file is the last one's to remove.
func TestUpgradeOfAUnixSocket(t *testing.T) {
	name := filepath.Join(t.TempDir(), "echo")
	s := apptest.Start(t, "-addr", "unix:"+name)
	s.Upgrade()
	s.Await("served ")
	require.NoError(t, stream(s.Addr, 1<<20, 1000, 0))
	s.Stop()
	_, err := os.Stat(name)
	require.True(t, errors.Is(err, os.ErrNotExist), err)
}
