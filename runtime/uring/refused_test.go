//go:build linux

package uring

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/ring/probe/probetest"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/faults"
)

// refuse is a turn whose enter the kernel answers with errno: nothing was taken, and
// everything is still in the queue.
func (r *rig) refuse(errno unix.Errno) {
	r.t.Helper()
	r.gather()
	require.NoError(r.t, r.entered(0, errno))
	if len(r.pending) != 0 {
		r.deliverPending()
	}
	r.reap()
}

// transfer sends size bytes one way and the same back, with between called each turn.
func (r *rig) transfer(size int, between func()) {
	r.t.Helper()
	s, peer := r.pair()
	require.NoError(r.t, syscall.SetNonblock(peer, true))
	want := make([]byte, size)
	for i := range want {
		want[i] = byte(i * 7 >> 3)
	}
	var back []byte
	out := &buffers.Chain{}
	defer out.Release()
	send := &record{}
	send.op = driver.Op{Code: driver.Send, Owner: send, Socket: s, Chain: out}
	recv := r.submit(driver.Recv, s, nil)
	moved, wrote := 0, 0
	buf := make([]byte, 4096)
	end := time.Now().Add(patience)
	for len(back) < size {
		require.True(r.t, time.Now().Before(end), "nothing more happens")
		if n, err := syscall.Write(peer, want[wrote:min(wrote+len(buf), size)]); err == nil {
			wrote += n
		}
		if n, err := syscall.Read(peer, buf); err == nil {
			back = append(back, buf[:n]...)
		}
		require.False(r.t, recv.ended, recv.err)
		if !send.op.InFlight() {
			require.NoError(r.t, send.err)
			out.Discard(send.n)
			send.n = 0
			if fresh := recv.data[moved:]; len(fresh) > 0 {
				chain := r.chain(string(fresh[:min(len(fresh), 2000)]))
				moved += chain.Len()
				out.AppendChain(chain)
			}
			if !out.Empty() {
				r.Submit(&send.op)
			}
		}
		between()
		r.turn()
	}
	require.True(r.t, bytes.Equal(want, back))
	r.close(s)
}

// TestRefusedEnters: an enter that the kernel has no memory or room for, or that a
// signal cut short, loses nothing and is made again.
func TestRefusedEnters(t *testing.T) {
	rnd := rand.New(rand.NewPCG(faults.Seed(t.Logf), 0))
	errnos := []unix.Errno{unix.EAGAIN, unix.EBUSY, unix.EINTR, unix.ETIME}
	r := newRig(t, func(c *rigConfig) { c.Entries = 8 })
	r.transfer(256<<10, func() {
		for range rnd.IntN(6) {
			r.refuse(errnos[rnd.IntN(len(errnos))])
		}
	})
	require.Error(t, r.entered(0, unix.EBADF), "that is no refusal")
}

// TestSignals: signals that hit the thread while it is in the kernel do no harm.
func TestSignals(t *testing.T) {
	r := newRig(t, nil)
	defer probetest.Signals()()
	r.transfer(64<<10, func() {
		_, err := r.Poll(100 * time.Microsecond)
		require.NoError(t, err)
	})
}

// TestRegisterWithoutMemory: where the kernel has none for what is registered, Open
// says so and leaves nothing behind.
func TestRegisterWithoutMemory(t *testing.T) {
	before := newRig(t, nil) // skips where there is no io_uring
	require.NoError(t, before.Close())
	if probetest.Parent(t, probetest.Sandbox{
		Deny: map[uintptr]syscall.Errno{unix.SYS_IO_URING_REGISTER: unix.ENOMEM},
	}) {
		return
	}
	pool, err := buffers.NewPool(nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, pool.Close()) }()
	open := descriptors(t)
	_, err = Open(&driver.Config{Pool: pool, Logger: slog.New(slog.DiscardHandler)})
	require.ErrorIs(t, err, unix.ENOMEM)
	require.Equal(t, open, descriptors(t))
}

func descriptors(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(list)
}
