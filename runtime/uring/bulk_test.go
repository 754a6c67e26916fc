//go:build linux

package uring

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

const usualSize = 16 << 10

func bulkRig(t *testing.T, budget int64) *rig {
	return newRig(t, func(c *rigConfig) {
		c.RecvBuffers, c.RecvBufferSize, c.Budget = 16, usualSize, budget
	})
}

// tcpPair returns two connected sockets, one of the engine's and one to use with
// blocking calls.
func (r *rig) tcpPair() (driver.Socket, int) {
	r.t.Helper()
	fds := tcpPair(r.t)
	require.NoError(r.t, syscall.SetNonblock(fds[0], true))
	require.NoError(r.t, syscall.SetNonblock(fds[1], false))
	r.t.Cleanup(func() { syscall.Close(fds[1]) })
	return r.adopt(fds[0]), fds[1]
}

// feedPeer writes whole blocks, each of which arrives before the next is written.
func (r *rig) feedPeer(peer int, o *record, size, times int) {
	r.t.Helper()
	for range times {
		want := len(o.data) + size
		_, err := syscall.Write(peer, make([]byte, size))
		require.NoError(r.t, err)
		r.until(func() bool { return len(o.data) == want || o.ended })
	}
}

// largest is the longest piece that was received last.
func (o *record) largest(last int) (n int) {
	for _, c := range o.chunks[len(o.chunks)-last:] {
		n = max(n, c.Len())
	}
	return n
}

// TestBulkChangesOver: Poll receives from a peer that fills its buffers, in larger pieces,
// and the ring again when it does not fill them any more. Nothing is lost on the way.
func TestBulkChangesOver(t *testing.T) {
	r := bulkRig(t, 0)
	s, peer := r.tcpPair()
	o := r.submit(driver.Recv, s, nil)
	o.retain = true
	drop := func() { r.release(o.chunks...); o.chunks = nil }
	isBulky := func() bool { return r.slots.all[o.op.State.Slot].flags&bulky != 0 }

	r.feedPeer(peer, o, 1000, 50)
	require.False(t, isBulky())
	r.feedPeer(peer, o, usualSize, 50)
	require.True(t, isBulky(), "messages that fill a buffer")
	drop()
	r.feedPeer(peer, o, 1000, 2*bulkOver)
	require.False(t, isBulky())
	drop()
	r.feedPeer(peer, o, 40<<10, 20)
	require.True(t, isBulky())
	require.Greater(t, o.largest(4), usualSize)
	drop()
	r.feedPeer(peer, o, 1000, 2*bulkOver)
	require.False(t, isBulky())
	drop()
	r.feedPeer(peer, o, 40<<10, 20)
	require.Greater(t, o.largest(4), usualSize)
	drop()
	r.close(s)
	require.Equal(t, driver.ErrCanceled, o.err)
}

// TestBulkWithoutMemory: where the pool has no large blocks, the usual ones go on.
func TestBulkWithoutMemory(t *testing.T) {
	r := bulkRig(t, 16*usualSize)
	s, peer := r.tcpPair()
	o := r.submit(driver.Recv, s, nil)
	r.feedPeer(peer, o, 64<<10, 20)
	require.Zero(t, r.slots.all[o.op.State.Slot].flags&bulky)
	r.close(s)
}

// TestBulkIsShared: peers that always have more than a turn takes leave each other, and
// one that sends little, their turns.
func TestBulkIsShared(t *testing.T) {
	const peers = 24
	r := bulkRig(t, 0)
	var socks []driver.Socket
	var recvs []*record
	var fds []int
	for range peers {
		s, fd := r.tcpPair()
		require.NoError(t, syscall.SetNonblock(fd, true))
		socks, fds, recvs = append(socks, s), append(fds, fd), append(recvs, r.submit(driver.Recv, s, nil))
	}
	least := func() int {
		n := len(recvs[0].data)
		for _, o := range recvs {
			n = min(n, len(o.data))
		}
		return n
	}
	block := make([]byte, 256<<10)
	r.until(func() bool {
		for _, fd := range fds[1:] {
			_, _ = syscall.Write(fd, block)
		}
		_, err := syscall.Write(fds[0], []byte("little"))
		require.NoError(t, err)
		return least() > 1000 && len(recvs[1].data) > 1<<20
	})
	for _, o := range recvs[1:] {
		require.NotZero(t, r.slots.all[o.op.State.Slot].flags&bulky)
	}
	for _, s := range socks {
		r.close(s)
	}
}

// bulkPeer returns a bulky receive on a socket that holds more than a turn takes: how
// much had been received, and how much waits.
func (r *rig) bulkPeer() (s driver.Socket, o *record, had, waits int) {
	r.t.Helper()
	s, peer := r.tcpPair()
	o = r.submit(driver.Recv, s, nil)
	r.feedPeer(peer, o, 40<<10, 20)
	require.NoError(r.t, syscall.SetNonblock(peer, true))
	had = len(o.data)
	for n, err := 0, error(nil); err == nil && waits < 4*bulkTurn; waits += max(n, 0) {
		n, err = syscall.Write(peer, make([]byte, 64<<10))
	}
	require.Greater(r.t, waits, bulkTurn, "the sockets hold less than a turn takes")
	return s, o, had, waits
}

// TestBulkTurn: however much is there, a turn takes a bounded amount.
func TestBulkTurn(t *testing.T) {
	r := bulkRig(t, 0)
	s, o, had, sent := r.bulkPeer()
	r.until(func() bool {
		before := len(o.data)
		_, err := r.Poll(0)
		require.NoError(t, err)
		require.LessOrEqual(t, len(o.data)-before, bulkTurn+bulkSize+usualSize)
		return len(o.data) == had+sent
	})
	r.close(s)
}

// TestBulkEndsInLine: cancel and close find a receive whose turn is still to come.
func TestBulkEndsInLine(t *testing.T) {
	for name, end := range map[string]func(r *rig, o *record, s driver.Socket){
		"cancel": func(r *rig, o *record, s driver.Socket) { r.Cancel(&o.op) },
		"close":  func(r *rig, o *record, s driver.Socket) { r.submit(driver.Close, s, nil) },
		"engine": func(r *rig, o *record, s driver.Socket) { require.NoError(t, r.Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			r := bulkRig(t, 0)
			s, o, _, _ := r.bulkPeer()
			r.until(func() bool { return r.slots.lists[inReadable].n != 0 })
			had := len(o.data)
			end(r, o, s)
			if !o.ended {
				r.until(func() bool { return o.ended })
			}
			require.Equal(t, driver.ErrCanceled, o.err)
			require.Len(t, o.data, had)
		})
	}
}

// TestBulkEnds: cancel and close find a receive that changes its buffers.
func TestBulkEnds(t *testing.T) {
	for name, end := range map[string]func(r *rig, o *record, s driver.Socket){
		"cancel": func(r *rig, o *record, s driver.Socket) { r.Cancel(&o.op) },
		"close":  func(r *rig, o *record, s driver.Socket) { r.submit(driver.Close, s, nil) },
		"peer":   nil,
	} {
		t.Run(name, func(t *testing.T) {
			for pieces := 1; pieces <= 2*bulkAfter; pieces++ {
				r := bulkRig(t, 0)
				s, peer := r.tcpPair()
				o := r.submit(driver.Recv, s, nil)
				_, err := syscall.Write(peer, make([]byte, pieces*usualSize))
				require.NoError(t, err)
				if end != nil {
					r.until(func() bool { return len(o.data) > 0 })
					end(r, o, s)
				} else {
					require.NoError(t, syscall.Shutdown(peer, syscall.SHUT_WR))
				}
				r.until(func() bool { return o.ended })
				if end == nil {
					require.Len(t, o.data, pieces*usualSize)
					r.close(s)
				}
			}
		})
	}
}
