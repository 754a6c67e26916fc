//go:build linux

package uring

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
)

// TestTinyQueues has more in flight than the queues hold.
func TestTinyQueues(t *testing.T) {
	r := newRig(t, func(c *rigConfig) { c.Entries = 2 })
	const many = 100
	var peers []int
	var recvs []*record
	for range many {
		s, fd := r.pair()
		recvs = append(recvs, r.submit(driver.Recv, s, nil))
		peers = append(peers, fd)
	}
	r.turn()
	for i, fd := range peers {
		_, err := syscall.Write(fd, fmt.Appendf(nil, "%d", i))
		require.NoError(t, err)
	}
	r.until(func() bool {
		for _, o := range recvs {
			if len(o.data) == 0 {
				return false
			}
		}
		return true
	})
	for i, o := range recvs {
		require.Equal(t, fmt.Sprint(i), string(o.data))
		require.False(t, o.ended)
	}
	// More cancels than there are places, too.
	for _, o := range recvs {
		r.Cancel(&o.op)
	}
	r.until(func() bool { return r.slots.used == 0 })
	for _, o := range recvs {
		require.Equal(t, driver.ErrCanceled, o.err)
	}
}

// TestBacklog has operations wait for room in the submission queue.
func TestBacklog(t *testing.T) {
	r := newRig(t, nil)
	s, _ := r.pair()
	first, second, third := r.parked(s), r.parked(s), r.parked(s)
	require.Equal(t, 3, r.slots.lists[inBacklog].n)
	late := r.submit(driver.SendTo, s, func(op *driver.Op) { op.Chain = r.chain("abc") })
	require.Equal(t, 4, r.slots.lists[inBacklog].n, "later operations do not overtake")
	r.Cancel(&second.op)
	require.Equal(t, 3, r.slots.lists[inBacklog].n)
	r.until(func() bool { return first.ended && second.ended && third.ended && late.ended })
	require.NoError(t, first.err)
	require.Equal(t, driver.ErrCanceled, second.err)
	require.Equal(t, 3, third.n)
	for _, o := range []*record{first, second, third, late} {
		o.op.Chain.Release()
	}

	closing := r.parked(s)
	done := r.submit(driver.Close, s, nil)
	r.until(func() bool { return done.ended })
	require.Equal(t, driver.ErrCanceled, closing.err)
	closing.op.Chain.Release()
}

// parked submits a SendTo and moves it to the backlog before its SQE counts: as
// if the queue had been full.
func (r *rig) parked(s driver.Socket) *record {
	o := &record{}
	o.op = driver.Op{Code: driver.SendTo, Owner: o, Socket: s, Chain: r.chain("abc")}
	i, slot := r.slots.take()
	slot.op = &o.op
	o.op.State = driver.OpState{Slot: i, Gen: slot.gen, Flight: 1}
	require.True(r.t, r.join(slot, s))
	r.slots.push(inBacklog, i)
	return o
}

// TestArenaRunsOut gathers more pieces in one turn than the arena has iovecs.
func TestArenaRunsOut(t *testing.T) {
	r := newRig(t, func(c *rigConfig) { c.Entries = 256 })
	const conns = arenaIovecs/maxSegments + 10
	parts := make([]string, maxSegments)
	for i := range parts {
		parts[i] = string(rune('a' + i%26))
	}
	var sends []*record
	var peers []int
	for range conns {
		s, fd := r.pair()
		sends = append(sends, r.submit(driver.Send, s, func(op *driver.Op) { op.Chain = r.chain(parts...) }))
		peers = append(peers, fd)
	}
	r.until(func() bool {
		for _, o := range sends {
			if !o.ended {
				return false
			}
		}
		return true
	})
	buf := make([]byte, 2*maxSegments)
	for i, o := range sends {
		require.NoError(t, o.err)
		require.Equal(t, maxSegments, o.n)
		n, err := syscall.Read(peers[i], buf)
		require.NoError(t, err)
		require.Equal(t, o.op.Chain.Bytes(), buf[:n])
		o.op.Chain.Release()
	}
	require.Zero(t, r.arena.m|r.arena.v|r.arena.r)
}

func TestFeaturesOneByOne(t *testing.T) {
	all := newRig(t, nil).caps.Features
	require.Contains(t, all, "recv_multishot")
	for _, name := range all {
		t.Run(name, func(t *testing.T) {
			if slices.Contains(needed, name) {
				_, err := Open(&driver.Config{Disable: []string{name}})
				require.ErrorIs(t, err, errors.ErrUnsupported)
				return
			}
			r := newRig(t, func(c *rigConfig) { c.Disable = []string{name} })
			require.NotContains(t, r.caps.Features, name)
			r.exercise()
		})
	}
	t.Run("none", func(t *testing.T) {
		r := newRig(t, func(c *rigConfig) { c.Disable = append([]string{"coop_taskrun"}, all[len(needed):]...) })
		require.Equal(t, needed, r.caps.Features)
		r.exercise()
	})
	t.Run("restrictions", func(t *testing.T) {
		r := newRig(t, func(c *rigConfig) { c.RestrictOps = true })
		require.Contains(t, r.caps.Features, "restrictions")
		r.exercise()
		sqe := r.sqe()
		sqe.PrepNop()
		_, err := r.ring.SubmitAndWait(1, patience)
		require.NoError(t, err)
		var cqes [8]ring.CQE
		require.Equal(t, 1, r.ring.PeekBatch(cqes[:]))
		require.Equal(t, unix.EACCES, unix.Errno(-cqes[0].Res))
	})
}

// exercise does a little of everything.
func (r *rig) exercise() {
	t := r.t
	ln, addr := r.listen()
	accept := r.submit(driver.Accept, ln, nil)
	to, err := net.ResolveTCPAddr("tcp", addr)
	require.NoError(t, err)
	dial := r.submit(driver.Connect, driver.NoSocket, func(op *driver.Op) { op.Ext = &driver.Ext{Remote: to} })
	r.until(func() bool { return dial.ended && len(accept.got) == 1 })
	require.NoError(t, dial.err)
	a, b := accept.got[0].Socket, dial.got[0].Socket
	recv := r.submit(driver.Recv, b, nil)
	chain := r.chain("one ", "two ")
	send := r.submit(driver.Send, a, func(op *driver.Op) { op.Chain, op.Bulk = chain, true })
	r.until(func() bool { return send.ended && len(recv.data) == 8 })
	chain.Release()

	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	require.NoError(t, err)
	defer f.Close()
	chain = r.chain("three ", "four")
	ext := &driver.Ext{File: f, Len: 10}
	write := r.submit(driver.WriteAt, driver.NoSocket, func(op *driver.Op) { op.Chain, op.Ext = chain, ext })
	r.until(func() bool { return write.ended })
	require.NoError(t, write.err)
	chain.Release()
	sync := r.submit(driver.Fsync, driver.NoSocket, func(op *driver.Op) { op.Ext = ext })
	r.until(func() bool { return sync.ended })
	require.NoError(t, sync.err)
	file := r.submit(driver.SendFile, a, func(op *driver.Op) { op.Ext = ext })
	r.until(func() bool { return file.ended && len(recv.data) == 18 })
	require.Equal(t, "one two three four", string(recv.data))
	r.Cancel(&recv.op)
	r.until(func() bool { return recv.ended })
	r.Wake()
	_, err = r.Poll(-1)
	require.NoError(t, err)
	for _, s := range []driver.Socket{a, b, ln} {
		r.close(s)
	}
}

func TestCloseEndsWhatIsInFlight(t *testing.T) {
	r := newRig(t, nil)
	s, peer := r.pair()
	recv := r.submit(driver.Recv, s, nil)
	ln, _ := r.listen()
	accept := r.submit(driver.Accept, ln, nil)
	// An owner that begins something else inside its last completion.
	again := &record{}
	again.op = driver.Op{Code: driver.Close, Owner: again, Socket: s}
	recv.on = func(res *driver.Result) { r.Submit(&again.op) }
	r.turn()
	require.NoError(t, r.Close())
	require.Equal(t, driver.ErrCanceled, recv.err)
	require.Equal(t, driver.ErrCanceled, accept.err)
	require.True(t, again.ended)
	require.NoError(t, r.Close())
	_, err := r.Poll(0)
	require.ErrorIs(t, err, net.ErrClosed)
	r.Wake()
	n, err := syscall.Read(peer, make([]byte, 1))
	require.NoError(t, err)
	require.Zero(t, n, "the socket was closed")
}
