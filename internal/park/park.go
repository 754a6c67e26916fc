//go:build linux

// Package park has a loop wait in Go's netpoller, and tells it when to.
//
// A goroutine that waits in a system call of its own keeps its processor until the
// scheduler's monitor thread takes it away. One that is parked gave it up before, at the
// price of a few thread switches if it is locked to its thread.
package park

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Place is where one goroutine at a time waits for a descriptor to become readable.
type Place struct {
	file  *os.File
	conn  syscall.RawConn
	timed bool

	ready func() bool
	asked bool
	check func(uintptr) bool // look: no allocation for each wait
}

// New makes a place at fd, which can be polled, does not block, and is the place's from
// now on, even if that fails.
func New(fd int, name string) (*Place, error) {
	p := &Place{file: os.NewFile(uintptr(fd), name)}
	p.check = p.look
	err := p.file.SetReadDeadline(time.Time{}) // what is not in the netpoller has none
	if err == nil {
		p.conn, err = p.file.SyscallConn()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("park: %w", err), p.file.Close())
	}
	return p, nil
}

// Wait waits for the descriptor to become readable anew, for as long as wait says, for
// ever if that is negative. It asks ready once, and does not wait if it is true; an event
// after that is not missed. It may come back early.
func (p *Place) Wait(wait time.Duration, ready func() bool) error {
	if wait >= 0 || p.timed {
		var until time.Time
		if p.timed = wait >= 0; p.timed {
			until = time.Now().Add(wait)
		}
		if err := p.file.SetReadDeadline(until); err != nil {
			return fmt.Errorf("park: %w", err)
		}
	}
	p.ready, p.asked = ready, false
	err := p.conn.Read(p.check)
	p.ready = nil
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("park: %w", err)
	}
	return nil
}

// look is called before the wait and after each event.
func (p *Place) look(uintptr) bool {
	if p.asked {
		return true
	}
	p.asked = true
	return p.ready()
}

// Close closes the descriptor.
func (p *Place) Close() error { return p.file.Close() }
