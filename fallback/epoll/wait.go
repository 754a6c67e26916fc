//go:build linux

package epoll

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// wait is epoll_wait(2). A time-out of 0 does not block, so the scheduler need
// not know; any other must let it have the processor.
func (e *engine) wait(wait time.Duration) (n int, slept time.Duration, err error) {
	if wait == 0 {
		e.stats.Enters++
		n, err = got(epollWaitNow(e.epfd, e.events))
		return n, 0, err
	}
	start := time.Now()
	if e.crowd.May(wait) {
		if batch := e.crowd.Batch(start); batch > 0 {
			n, err = e.waitForBatch(batch, start)
		}
	}
	if n == 0 && err == nil {
		if wait > 0 {
			wait = max(wait-time.Since(start), 1)
		}
		n, err = e.waitLong(wait)
	}
	slept = time.Since(start)
	e.stats.InKernel += slept
	return n, slept, err
}

// waitForBatch sleeps a moment, if less than a batch is there: epoll_wait(2) can not wait
// for more than one event. Half of what it may is enough, since the kernel is late.
func (e *engine) waitForBatch(batch int, start time.Time) (int, error) {
	e.stats.Enters++
	n, err := got(epollWaitNow(e.epfd, e.events))
	if n >= min(batch, len(e.events)) || err != nil {
		return n, err
	}
	e.stats.Enters++
	e.stats.Batches++
	sleep(e.crowd.Patience / 2)
	took := time.Since(start)
	e.netpoll.waits.Tell(took)
	e.crowd.Slept(took)
	more, err := got(epollWaitNow(e.epfd, e.events[n:]))
	n += more
	e.crowd.Gathered(n)
	return n, err
}

// waitLong waits: in epoll_wait(2) while there soon is something, and parked while there is not.
func (e *engine) waitLong(wait time.Duration) (n int, err error) {
	e.stats.Enters++
	start := time.Now()
	if e.netpoll.waits.Park() {
		n, err = e.waitParked(wait)
	} else {
		n, err = got(e.waitInKernel(wait))
	}
	took := time.Since(start)
	e.netpoll.waits.Tell(took)
	e.crowd.Slept(took)
	return n, err
}

func (e *engine) waitInKernel(wait time.Duration) (int, unix.Errno) {
	if e.nanosecs {
		return epollPwait2(e.epfd, e.events, wait)
	}
	return epollWaitMillis(e.epfd, e.events, wait)
}

// got reads what epoll_wait(2) answered.
func got(n int, errno unix.Errno) (int, error) {
	switch errno {
	case 0:
		return n, nil
	case unix.EINTR:
		return 0, nil
	}
	return 0, fmt.Errorf("epoll: epoll_wait: %w", errno)
}
