//go:build linux

package uring

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
)

// errMultishot says why the engine can not run on an older kernel.
var errMultishot = fmt.Errorf("uring: kernel without multishot receive (6.0): %w", errors.ErrUnsupported)

// tryMultishot receives a byte and the end of a stream by one multishot request.
// An older kernel refuses the flag, and no list of its operations tells.
func (e *engine) tryMultishot() error {
	res, err := e.trial(0)
	switch {
	case err != nil:
		return err
	case res == 0, unix.Errno(-res) == unix.ENOBUFS: // the pool may have nothing yet
		return nil
	case res < 0:
		return fmt.Errorf("%w: %w", errMultishot, unix.Errno(-res))
	}
	return errMultishot
}

// tryEnd finds out whether the kernel tells of an end that it saw in one look with
// the data before it. On TCP it does. On Unix sockets those that know how much is
// left to read (6.17) take the data and wait for an event that has been: seen on
// 6.18.44, which has the fix of https://github.com/axboe/liburing/issues/1549 for
// two looks. POLL_FIRST makes sure that there is one look only.
func (e *engine) tryEnd() error {
	const name = "recv_multishot_unix"
	if slices.Contains(e.feats.disabled, name) {
		return nil
	}
	res, err := e.trial(ring.RecvSendPollFirst)
	e.feats.multishotUnix = e.feats.use(name, res == 0)
	return err
}

// trial receives a byte and the end of a stream, which are there already, and
// returns the last completion's result. It is ECANCELED if the end did not come.
func (e *engine) trial(flags uint16) (res int32, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("uring: socketpair: %w", err)
	}
	defer unix.Close(fds[0])
	defer e.recv.refill()
	_, err = unix.Write(fds[1], []byte{1})
	unix.Close(fds[1])
	if err != nil {
		return 0, fmt.Errorf("uring: write: %w", err)
	}
	sqe := e.ring.GetSQE()
	sqe.PrepRecvMultishot(fds[0], recvGroup)
	sqe.Ioprio |= flags
	sqe.UserData = userData(0, ownTrial)
	wait := time.Second
	for range 16 { // two completions; some more for signals and a cancel
		n, err := e.ring.SubmitAndWait(1, wait)
		if err := e.entered(n, err); err != nil {
			return 0, err
		}
		got := e.cqes[:e.ring.PeekBatch(e.cqes[:])]
		if len(got) == 0 {
			sqe := e.ring.GetSQE()
			sqe.PrepCancel(userData(0, ownTrial), 0)
			sqe.UserData = userData(0, ownCancelAll)
			continue
		}
		for _, c := range got {
			if c.HasBuffer() {
				e.recv.drop(c.BufferID())
			}
			if c.UserData == userData(0, ownTrial) && !c.More() {
				return c.Res, nil
			}
		}
		wait = time.Millisecond // the end comes with the data, or never
	}
	return -int32(unix.ETIME), nil
}
