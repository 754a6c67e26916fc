//go:build linux

package ring

import (
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// geteventsArg is struct io_uring_getevents_arg, the argument of an enter call with EnterExtArg.
type geteventsArg struct {
	sigmask     uint64
	sigmaskSize uint32
	minWaitUsec uint32
	ts          uint64
}

var (
	errExtArg     = fmt.Errorf("ring: timeout without IORING_FEAT_EXT_ARG: %w", errors.ErrUnsupported)
	errMinTimeout = fmt.Errorf("ring: minimum wait without IORING_FEAT_MIN_TIMEOUT: %w", errors.ErrUnsupported)
)

// Submit gives the prepared entries to the kernel and returns how many it consumed (io_uring_submit).
//
// It never waits, and is a raw system call: the scheduler does not hear of it. With nothing to submit it
// makes no call. Without SetupSubmitAll the kernel stops behind an entry that fails at once, so the count
// may be short; entries left stay queued, and the memory they point to stays in use.
func (r *Ring) Submit() (int, error) {
	n := r.sq.flush()
	if n == 0 {
		return 0, nil
	}
	var flags EnterFlags
	if r.params.Flags&SetupSQPoll != 0 {
		if atomic.LoadUint32(r.sq.flags)&sqNeedWakeup == 0 {
			return int(n), nil // the kernel's thread is awake and takes them
		}
		flags = EnterSQWakeup
	}
	return r.enterRaw(n, 0, flags, nil, 0)
}

// SubmitAndGetEvents is Submit, and makes the kernel flush an overflowed completion queue and run deferred
// task work (io_uring_submit_and_get_events). It enters the kernel even with nothing to submit, never waits
// and is a raw system call.
func (r *Ring) SubmitAndGetEvents() (int, error) {
	return r.enterRaw(r.sq.flush(), 0, EnterGetEvents|r.wakeup(), nil, 0)
}

// SubmitAndWait submits, then waits until waitNr completions are there or the timeout has passed
// (io_uring_submit_and_wait_timeout). A negative timeout waits forever; zero does not wait at all and
// reports no ETIME. A positive one needs FeatExtArg (5.11).
//
// It returns the number of entries consumed, or the bare errno: ETIME for the timeout, EINTR for a signal,
// others as in EnterMeaning. When entries were consumed the kernel reports their count and hides how the
// wait ended; when it consumed fewer than were queued it does not wait.
func (r *Ring) SubmitAndWait(waitNr uint32, timeout time.Duration) (int, error) {
	return r.SubmitAndWaitMin(waitNr, timeout, 0)
}

// SubmitAndWaitMin is SubmitAndWait with a minimum wait (io_uring_submit_and_wait_min_timeout, 6.12): it
// waits for waitNr completions during minWait, then until timeout for a single one. minWait needs
// FeatMinTimeout and counts in whole microseconds, 2^32-1 (71 minutes) at most; less than one turns it off.
func (r *Ring) SubmitAndWaitMin(waitNr uint32, timeout, minWait time.Duration) (int, error) {
	if timeout == 0 {
		return r.SubmitAndGetEvents()
	}
	if minWait > 0 && r.params.Features&FeatMinTimeout == 0 {
		return 0, errMinTimeout
	}
	n, flags := r.sq.flush(), EnterGetEvents|r.waitFlags|r.wakeup()
	if timeout < 0 && minWait <= 0 {
		return r.enter(n, waitNr, flags, nil, 0)
	}
	if r.params.Features&FeatExtArg == 0 {
		return 0, errExtArg
	}
	r.wait = geteventsArg{minWaitUsec: uint32(min(max(minWait, 0)/time.Microsecond, math.MaxUint32))}
	if timeout > 0 {
		r.ts.Set(timeout)
		r.wait.ts = uint64(uintptr(unsafe.Pointer(&r.ts)))
	}
	return r.enter(n, waitNr, flags|EnterExtArg, unsafe.Pointer(&r.wait), unsafe.Sizeof(r.wait))
}

// SubmitAndWaitRaw is SubmitAndWait for a moment: a raw system call, of which the scheduler does not hear.
// Until it returns no other goroutine gets this processor. Signals end it with EINTR, and so those with
// which Go stops its threads. The timeout must be positive and needs FeatExtArg (5.11).
func (r *Ring) SubmitAndWaitRaw(waitNr uint32, timeout time.Duration) (int, error) {
	if r.params.Features&FeatExtArg == 0 {
		return 0, errExtArg
	}
	flags := EnterGetEvents | EnterExtArg | r.waitFlags | r.wakeup()
	r.ts.Set(timeout)
	r.wait = geteventsArg{ts: uint64(uintptr(unsafe.Pointer(&r.ts)))}
	return r.enterRaw(r.sq.flush(), waitNr, flags, unsafe.Pointer(&r.wait), unsafe.Sizeof(r.wait))
}

// SetIOWait tells the kernel whether a waiting thread counts as waiting for I/O, which keeps the CPU's clock
// up but reads as load (io_uring_set_iowait). It is on at first; turning it off needs FeatNoIOWait (6.15).
func (r *Ring) SetIOWait(on bool) error {
	if on {
		r.waitFlags &^= EnterNoIOWait
		return nil
	}
	if r.params.Features&FeatNoIOWait == 0 {
		return fmt.Errorf("ring: IORING_FEAT_NO_IOWAIT: %w", errors.ErrUnsupported)
	}
	r.waitFlags |= EnterNoIOWait
	return nil
}

// wakeup returns EnterSQWakeup when the kernel's submission thread sleeps.
func (r *Ring) wakeup() EnterFlags {
	if r.params.Flags&SetupSQPoll != 0 && atomic.LoadUint32(r.sq.flags)&sqNeedWakeup != 0 {
		return EnterSQWakeup
	}
	return 0
}

// enterRaw is an enter call that does not wait, or for a moment.
func (r *Ring) enterRaw(submit, wait uint32, flags EnterFlags, arg unsafe.Pointer, size uintptr) (int, error) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_IO_URING_ENTER, r.enterFD, uintptr(submit), uintptr(wait),
		uintptr(flags|r.enterFlags), uintptr(arg), size)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// enter is an enter call that may wait. It is never raw: a thread blocked in a raw call would hold up the
// garbage collector.
func (r *Ring) enter(submit, wait uint32, flags EnterFlags, arg unsafe.Pointer, size uintptr) (int, error) {
	n, _, errno := syscall.Syscall6(unix.SYS_IO_URING_ENTER, r.enterFD, uintptr(submit), uintptr(wait),
		uintptr(flags|r.enterFlags), uintptr(arg), size)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
