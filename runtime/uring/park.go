//go:build linux

package uring

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/internal/park"
)

// openPlace makes a place to park at: an eventfd that completions write to, while that is
// turned on. Without one the loop waits in the ring at all times.
func (e *engine) openPlace() error {
	if e.ring.CQEventFDToggle(false) != nil {
		return nil
	}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return err
	}
	place, err := park.New(fd, "eventfd")
	if err != nil {
		return err
	}
	if err := e.ring.RegisterEventFD(fd); err != nil {
		return errors.Join(err, place.Close())
	}
	e.place, e.waker.place = place, fd
	return nil
}

// parks reports that the next wait is to be where an ordinary goroutine waits.
func (e *engine) parks() bool { return e.place != nil && e.waits.Park() }

// park submits, and waits there. What is submitted here and completes at once is told of,
// too, for nothing: the caller had better submit before.
func (e *engine) park(wait time.Duration) error {
	_ = e.ring.CQEventFDToggle(true) // before the kernel is asked for the last time
	err := e.entered(e.ring.SubmitAndGetEvents())
	waits := err == nil && e.ring.CQReady() == 0 && e.ring.SQReady() == 0 && e.waker.park()
	if waits {
		e.stats.Parks++
		err = e.place.Wait(wait, e.arrived)
	}
	_ = e.ring.CQEventFDToggle(false)
	if !waits || err != nil || e.ring.CQReady() != 0 {
		return err
	}
	return e.entered(e.ring.SubmitAndGetEvents())
}

// somethingCame reports that there is no reason to wait. After that the eventfd tells.
func (e *engine) somethingCame() bool {
	return e.ring.CQReady() != 0 || e.ring.NeedsEnter() || e.waker.heard()
}

func (e *engine) closePlace() error {
	if e.place == nil {
		return nil
	}
	return e.place.Close()
}
