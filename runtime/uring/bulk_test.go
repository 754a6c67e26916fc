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

// TestBulkChangesBuffers: a peer that fills its buffers gets larger ones, and small
// ones again when it does not fill them any more. Nothing is lost on the way.
func TestBulkChangesBuffers(t *testing.T) {
	r := bulkRig(t, 0)
	s, peer := r.tcpPair()
	o := r.submit(driver.Recv, s, nil)
	o.retain = true
	drop := func() { r.release(o.chunks...); o.chunks = nil }

	r.feedPeer(peer, o, 1000, 50)
	r.feedPeer(peer, o, usualSize, 50)
	require.Nil(t, r.bulk.ring, "such messages need no large buffers")
	drop()
	r.feedPeer(peer, o, 40<<10, 20)
	require.NotNil(t, r.bulk.ring)
	require.Greater(t, o.largest(4), usualSize)
	drop()
	r.feedPeer(peer, o, 1000, 2*bulkOver)
	require.Zero(t, r.slots.all[o.op.State.Slot].flags&bulky)
	drop()
	r.feedPeer(peer, o, 40<<10, 20)
	require.Greater(t, o.largest(4), usualSize)
	drop()
	r.close(s)
	require.Equal(t, driver.ErrCanceled, o.err)
}

// TestBulkWithoutMemory: where the pool has no large blocks to lend, the usual ones
// go on.
func TestBulkWithoutMemory(t *testing.T) {
	r := bulkRig(t, 16*usualSize)
	s, peer := r.tcpPair()
	o := r.submit(driver.Recv, s, nil)
	r.feedPeer(peer, o, 64<<10, 20)
	require.Zero(t, r.slots.all[o.op.State.Slot].flags&bulky)
	r.close(s)
}

// TestBulkIsShared: more greedy peers than there are large buffers all come on.
func TestBulkIsShared(t *testing.T) {
	const peers = bulkBuffers + 8
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
		for _, fd := range fds {
			_, _ = syscall.Write(fd, block)
		}
		return least() > 1<<20
	})
	require.NotNil(t, r.bulk.ring)
	for _, s := range socks {
		r.close(s)
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

// TestBulkTrim: an idle engine gives the large buffers back, from under receives that
// are armed for them and from those that wait, and makes them anew.
func TestBulkTrim(t *testing.T) {
	r := bulkRig(t, 0)
	s, peer := r.tcpPair()
	o := r.submit(driver.Recv, s, nil)
	for range 3 {
		r.feedPeer(peer, o, 40<<10, 20)
		require.NotNil(t, r.bulk.ring)
		large := r.pool.ClassFor(bulkSize)
		require.NotZero(t, r.pool.Stats().Classes[large].Lent)
		r.Trim()
		r.until(func() bool { return r.bulk.ring == nil })
		require.Zero(t, r.pool.Stats().Classes[large].Lent)
		r.feedPeer(peer, o, 1000, 3)
	}
	r.close(s)
}
