//go:build linux

package epoll

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/internal/park"
)

// netpoll is how the loop waits in Go's netpoller: at an epoll descriptor of its own, which
// has the engine's in it for as long as the loop is parked, and costs nothing meanwhile.
type netpoll struct {
	waits park.Waits
	place *park.Place
	fd    int // of place
	n     int // events found before parking
	look  func() bool
}

func (e *engine) openPlace() error {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("epoll: epoll_create1: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // for package os, which asks
		return errors.Join(fmt.Errorf("epoll: fcntl: %w", err), unix.Close(fd))
	}
	e.netpoll.fd, e.netpoll.look = fd, e.somethingCame
	e.netpoll.place, err = park.New(fd, "epoll")
	return err
}

// waitParked is epoll_wait(2) where an ordinary goroutine waits.
func (e *engine) waitParked(wait time.Duration) (n int, err error) {
	p := &e.netpoll
	ev := unix.EpollEvent{Events: unix.EPOLLIN}
	if unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, e.epfd, &ev) != nil {
		return got(e.waitInKernel(wait)) // no memory for it, as a rule
	}
	p.n = 0
	e.stats.Parks++
	err = p.place.Wait(wait, p.look)
	_ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, e.epfd, &ev)
	if err != nil || p.n > 0 {
		return p.n, err
	}
	return got(epollWaitNow(e.epfd, e.events))
}

// somethingCame takes the events that are there. Those after that end the wait.
func (e *engine) somethingCame() bool {
	e.netpoll.n, _ = got(epollWaitNow(e.epfd, e.events)) // an error comes again
	return e.netpoll.n > 0
}
