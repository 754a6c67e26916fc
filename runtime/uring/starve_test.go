//go:build linux

package uring

import (
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

// starvedRig is a rig whose pool can lend two receive buffers and no more.
func starvedRig(t *testing.T) *rig {
	return newRig(t, func(c *rigConfig) {
		c.RecvBuffers, c.RecvBufferSize = 8, 16<<10
		c.Budget = 32 << 10
	})
}

// starving reports that a receive waits in line for buffers.
func (r *rig) starving(o *record) bool { return r.slots.all[o.op.State.Slot].where == inStarved }

func TestReceiversWaitForBuffersInLine(t *testing.T) {
	r := starvedRig(t)
	var socks []driver.Socket
	var recvs []*record
	for range 4 {
		s, peer := r.pair()
		o := r.submit(driver.Recv, s, nil)
		o.retain = true
		_, err := syscall.Write(peer, []byte(strings.Repeat("x", 100)))
		require.NoError(t, err)
		socks, recvs = append(socks, s), append(recvs, o)
	}
	served := func() (n int) {
		for _, o := range recvs {
			n += len(o.chunks)
		}
		return n
	}
	r.until(func() bool { return r.slots.lists[inStarved].n > 0 && served() == 2 })
	r.turn()
	for range 3 { // no buffer comes back: nothing moves, and nobody spins
		before := r.stats.Submitted
		r.turn()
		require.Equal(t, before, r.stats.Submitted)
		require.Equal(t, 2, served())
	}
	require.NotZero(t, r.stats.NoBuffers)

	// Back come buffers one at a time, from another goroutine: all get their turn.
	seen := 0
	for _, o := range recvs[:2] {
		require.Len(t, o.chunks, 1)
	}
	for seen < 4 {
		for _, o := range recvs {
			if len(o.chunks) == 0 {
				continue
			}
			chunk := o.chunks[0]
			o.chunks = o.chunks[1:]
			seen++
			done := make(chan struct{})
			go func() { chunk.Release(); close(done) }()
			<-done
			break
		}
		r.until(func() bool { return seen+served() >= min(4, seen+1) })
	}
	for i, o := range recvs {
		require.Equal(t, 100, len(o.data))
		require.False(t, o.ended)
		r.close(socks[i])
		require.Equal(t, driver.ErrCanceled, o.err)
	}
}

func TestStarvedReceiveEnds(t *testing.T) {
	for name, end := range map[string]func(r *rig, o *record, s driver.Socket){
		"cancel": func(r *rig, o *record, s driver.Socket) { r.Cancel(&o.op) },
		"close":  func(r *rig, o *record, s driver.Socket) { r.submit(driver.Close, s, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			r := starvedRig(t)
			hog, peer := r.pair()
			greedy := r.submit(driver.Recv, hog, nil)
			greedy.retain = true
			_, err := syscall.Write(peer, make([]byte, 32<<10))
			require.NoError(t, err)
			r.until(func() bool { return len(greedy.data) == 32<<10 })
			s, peer := r.pair()
			o := r.submit(driver.Recv, s, nil)
			_, err = syscall.Write(peer, []byte("x"))
			require.NoError(t, err)
			r.until(func() bool { return r.starving(o) })
			end(r, o, s)
			r.until(func() bool { return o.ended })
			require.Equal(t, driver.ErrCanceled, o.err)
			r.release(greedy.chunks...)
		})
	}
}

func TestFeedIsFair(t *testing.T) {
	r := starvedRig(t)
	type peer struct {
		fd int
		o  *record
	}
	var peers []peer
	for range 3 {
		s, fd := r.pair()
		require.NoError(t, syscall.SetNonblock(fd, true))
		peers = append(peers, peer{fd, r.submit(driver.Recv, s, nil)})
	}
	// All push as much as they can: each gets its share, although one alone could
	// take all buffers, all the time.
	block := make([]byte, 64<<10)
	least := func() int {
		n := len(peers[0].o.data)
		for _, p := range peers {
			n = min(n, len(p.o.data))
		}
		return n
	}
	r.until(func() bool {
		for _, p := range peers {
			_, _ = syscall.Write(p.fd, block)
		}
		return least() > 1<<20
	})
	for _, p := range peers {
		require.Less(t, len(p.o.data), 20*least())
	}
}

// TestGreedyLeavesSome has one peer that could fill every buffer in every turn,
// and came first, and one that wants a single one.
func TestGreedyLeavesSome(t *testing.T) {
	const buffers = 8
	r := newRig(t, func(c *rigConfig) {
		c.RecvBuffers, c.RecvBufferSize = buffers, 16<<10
		c.Budget = buffers * 16 << 10
	})
	hogSock, hogPeer := r.pair()
	hog := r.submit(driver.Recv, hogSock, nil)
	hog.retain = true
	for len(hog.data) < buffers*16<<10 { // a unix socket keeps the pieces apart
		_, err := syscall.Write(hogPeer, make([]byte, 16<<10))
		require.NoError(t, err)
		r.turn()
	}
	greedySock, greedyPeer := r.pair()
	modestSock, modestPeer := r.pair()
	require.NoError(t, syscall.SetNonblock(greedyPeer, true))
	fill := func() { _, _ = syscall.Write(greedyPeer, make([]byte, 1<<20)) }
	fill()
	greedy := r.submit(driver.Recv, greedySock, nil)
	r.until(func() bool { return r.starving(greedy) })
	_, err := syscall.Write(modestPeer, []byte("x"))
	require.NoError(t, err)
	modest := r.submit(driver.Recv, modestSock, nil)
	r.until(func() bool { return r.starving(modest) })

	r.release(hog.chunks...)
	for range 10 {
		fill()
		r.turn()
	}
	require.Equal(t, "x", string(modest.data))
	require.NotEmpty(t, greedy.data)
	for _, s := range []driver.Socket{hogSock, greedySock, modestSock} {
		r.close(s)
	}
}
