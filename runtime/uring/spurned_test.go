//go:build linux

package uring

import (
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// spurn has the kernel cancel an operation behind the engine's back, which is how it
// ends one that it has no thread for. It reports whether that happened.
func (r *rig) spurn(o *record) bool {
	r.t.Helper()
	i := o.op.State.Slot
	s := &r.slots.all[i]
	if o.ended || s.flags&armed == 0 {
		return false
	}
	sqe := r.sqe()
	require.NotNil(r.t, sqe)
	sqe.PrepCancel(userData(s.gen, tagOp|i), 0)
	sqe.UserData = userData(s.gen, tagCancel|i)
	before := s.spurned
	r.until(func() bool { return o.ended || s.spurned > before })
	return true
}

// full submits a send that waits: its socket takes no more.
func (r *rig) full() (o *record, peer int, before int) {
	r.t.Helper()
	s, peer := r.pair()
	for junk := make([]byte, 4096); ; {
		n, err := syscall.Write(int(s), junk)
		if err == syscall.EAGAIN {
			break
		}
		require.NoError(r.t, err)
		before += n
	}
	o = r.submit(driver.Send, s, func(op *driver.Op) {
		op.Chain = &buffers.Chain{}
		op.Chain.Append(buffers.Wrap([]byte("in the end"), nil))
	})
	r.turn()
	return o, peer, before
}

// TestSpurned: an operation that the kernel cancels by itself goes on later, and what the
// owner cancels ends.
func TestSpurned(t *testing.T) {
	r := newRig(t, nil)
	o, peer, before := r.full()
	n := 0
	r.until(func() bool {
		if r.spurn(o) {
			n++
		}
		require.False(t, o.ended, o.err)
		return n >= 3
	})
	got := make([]byte, before)
	f := os.NewFile(uintptr(dup(t, peer)), "peer")
	defer f.Close()
	_, err := io.ReadFull(f, got)
	require.NoError(t, err)
	r.until(func() bool { return o.ended })
	require.NoError(t, o.err)
	require.Equal(t, 10, o.n)

	o, _, _ = r.full()
	require.True(t, r.spurn(o))
	r.Cancel(&o.op)
	r.until(func() bool { return o.ended })
	require.Equal(t, driver.ErrCanceled, o.err)
}

// TestSpurnedForGood: there is an end to trying, and the next operation begins anew.
func TestSpurnedForGood(t *testing.T) {
	r := newRig(t, nil)
	o, _, _ := r.full()
	slot := o.op.State.Slot
	for end := time.Now().Add(patience); !o.ended; {
		require.True(t, time.Now().Before(end), "it is tried for ever")
		r.spurn(o)
		_, err := r.Poll(laterTick)
		require.NoError(t, err)
	}
	require.Equal(t, unix.EAGAIN, o.err)

	o, _, _ = r.full()
	require.Equal(t, slot, o.op.State.Slot)
	require.True(t, r.spurn(o))
	require.False(t, o.ended, o.err)
}

func dup(t *testing.T, fd int) int {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	require.NoError(t, err)
	return n
}
