//go:build linux

package park

import (
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const forEver = time.Duration(-1)

func never() bool { return false }

func signal(t *testing.T, fd int) {
	t.Helper()
	_, err := unix.Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	require.NoError(t, err)
}

func newPlace(t *testing.T) (*Place, int) {
	t.Helper()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	require.NoError(t, err)
	p, err := New(fd, "eventfd")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p, fd
}

// TestWait: each of the ways in which a wait ends, in an order in which one leaves
// something behind for the next. It may end early, so a wait that is to last is repeated.
func TestWait(t *testing.T) {
	p, fd := newPlace(t)
	require.NoError(t, p.Wait(forEver, func() bool { return true }))
	for range 100 { // nobody reads the eventfd: each write is an event of its own
		require.NoError(t, p.Wait(forEver, func() bool { signal(t, fd); return false }))
	}
	signal(t, fd)
	require.NoError(t, p.Wait(forEver, func() bool { return true }), "what came before ready was asked")

	for began := time.Now(); time.Since(began) < 2*time.Millisecond; {
		require.NoError(t, p.Wait(2*time.Millisecond, never))
	}
	require.NoError(t, p.Wait(0, never))

	var signaled atomic.Bool
	time.AfterFunc(5*time.Millisecond, func() { signaled.Store(true); signal(t, fd) })
	for !signaled.Load() {
		require.NoError(t, p.Wait(forEver, never), "the last time-out is no part of it")
	}
}

func TestWaitAllocatesNothing(t *testing.T) {
	p, fd := newPlace(t)
	one := []byte{1, 0, 0, 0, 0, 0, 0, 0}
	ready := func() bool { _, _ = unix.Write(fd, one); return false }
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = p.Wait(forEver, ready) }))
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = p.Wait(time.Hour, ready) }))
}

// TestWaitOnEpoll: an epoll descriptor can hold others, and be waited for itself.
func TestWaitOnEpoll(t *testing.T) {
	_, fd := newPlace(t)
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	require.NoError(t, err)
	require.NoError(t, unix.SetNonblock(epfd, true))
	p, err := New(epfd, "epoll")
	require.NoError(t, err)
	defer p.Close()
	for range 3 {
		require.NoError(t, unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN}))
		require.NoError(t, p.Wait(forEver, func() bool { signal(t, fd); return false }))
		require.NoError(t, unix.EpollCtl(epfd, unix.EPOLL_CTL_DEL, fd, &unix.EpollEvent{}))
	}
}

func TestNoPlace(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.SetNonblock(fd, true))
	_, err = New(fd, "a file")
	require.ErrorIs(t, err, os.ErrNoDeadline)
	_, err = unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	require.Equal(t, unix.EBADF, err, "it was New's to close")
}

// TestParkWhenCold: waits that are long now and then do not count, waits that usually are do.
func TestParkWhenCold(t *testing.T) {
	var w Waits
	tell := func(n int, took time.Duration) (parks int) {
		for range n {
			w.Tell(took)
			if w.Park() {
				parks++
			}
		}
		return parks
	}
	require.False(t, w.Park())
	require.Zero(t, tell(1000, 200*time.Microsecond))
	require.Equal(t, 10, tell(10, time.Hour), "the first of them is enough")
	require.Less(t, tell(1000, 100*time.Microsecond), 5*memory)
	require.Zero(t, tell(1000, 100*time.Microsecond))

	parks := 0
	for range 100 {
		parks += tell(1, patience) + tell(60, 50*time.Microsecond)
	}
	require.Less(t, parks, 100*61/3, "one in sixty is no reason")
	parks = 0
	for range 100 {
		parks += tell(1, patience) + tell(4, 50*time.Microsecond)
	}
	require.Greater(t, parks, 100*5*9/10, "one in five is")

	tell(1000, 0)
	require.False(t, w.Park())
	w.Always = true
	require.True(t, w.Park())
}

func TestYieldNowAndThen(t *testing.T) {
	var w Waits
	now := time.Now()
	yields := 0
	for range 100 {
		now = now.Add(time.Millisecond)
		was := w.yielded
		w.Yield(now)
		if w.yielded != was {
			yields++
		}
	}
	require.Equal(t, 17, yields, "once in more than 5 ms")
}
