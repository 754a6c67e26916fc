//go:build linux

package epoll

import (
	"io"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// TestLingeringClose: close(2) would wait for a peer that reads nothing.
func TestLingeringClose(t *testing.T) {
	l := open(t, nil)
	s, peer := l.lingering()
	c := l.start(driver.Close, s, nil)
	for range 10 {
		_, err := l.Poll(0)
		require.NoError(t, err)
	}
	require.False(t, c.end)
	_, err := io.Copy(io.Discard, peer)
	require.NoError(t, err)
	require.NoError(t, l.end(c).Err)
	var stats driver.Stats
	l.Stats(&stats)
	require.EqualValues(t, 1, stats.FileJobs)
}

// lingering returns a connection whose close(2) waits for the peer.
func (l *loop) lingering() (driver.Socket, net.Conn) {
	l.t.Helper()
	s, peer := l.pair("tcp")
	require.NoError(l.t, l.SetOption(s, driver.Linger, 60))
	fill := l.start(driver.Send, s, func(c *call) {
		c.out.Append(buffers.Wrap(make([]byte, 64<<20), nil))
	})
	require.NoError(l.t, l.end(fill).Err)
	fill.out.Release()
	return s, peer
}

// TestLingeringClosesLeaveHelpers: those that wait for peers keep no file waiting, and
// the engine's end waits for them.
func TestLingeringClosesLeaveHelpers(t *testing.T) {
	l := open(t, func(cfg *driver.Config) { cfg.FileWorkers = 1 })
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer f.Close()
	var closes []*call
	var peers []net.Conn
	for range 3 {
		s, peer := l.lingering()
		closes, peers = append(closes, l.start(driver.Close, s, nil)), append(peers, peer)
	}
	require.NoError(t, l.end(l.start(driver.Fsync, 0, func(c *call) { c.ext.File = f })).Err)
	for i, c := range closes {
		require.False(t, c.end)
		go io.Copy(io.Discard, peers[i])
	}
	require.NoError(t, l.Close())
	for _, c := range closes {
		require.NoError(t, c.last().Err)
	}
}

// TestCloseWaitsForHelper: a Close does not overtake the helper that works for
// its socket, and what the helper brings is not used.
func TestCloseWaitsForHelper(t *testing.T) {
	l := open(t, nil)
	s, _ := l.pair("tcp")
	r, w, err := os.Pipe() // reading it blocks until the test writes
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	c := l.start(driver.SendFile, s, func(c *call) { c.ext.File, c.ext.Len = r, 10 })
	slot := c.op.State.Slot
	_, err = l.Poll(0)
	require.NoError(t, err)
	if c.end { // the pipe was refused at once: as good an end
		require.Error(t, c.last().Err)
		return
	}
	closing := l.start(driver.Close, s, nil)
	require.NoError(t, l.end(closing).Err)
	require.True(t, c.end)
	require.Error(t, c.last().Err)
	require.Nil(t, l.records.at(slot).job)
}

// TestRefusedAfterClose: Close of the engine answers everything and leaves nothing.
func TestRefusedAfterClose(t *testing.T) {
	l := open(t, nil)
	s, _ := l.pair("tcp")
	r := l.start(driver.Recv, s, nil)
	_, err := l.Poll(0)
	require.NoError(t, err)
	late := l.start(driver.Recv, s, nil)
	require.NoError(t, l.Close())
	require.Equal(t, driver.ErrCanceled, r.last().Err)
	require.Equal(t, driver.ErrCanceled, late.last().Err)
	require.NoError(t, l.Close())
	after := l.start(driver.Recv, s, nil)
	_, err = l.Poll(-1)
	require.Equal(t, net.ErrClosed, err)
	require.Equal(t, net.ErrClosed, after.last().Err)
	_, err = l.Listen("tcp", nil, nil)
	require.Equal(t, net.ErrClosed, err)
	l.Wake()
}
