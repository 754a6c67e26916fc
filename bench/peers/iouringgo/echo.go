//go:build linux

// Package iouringgo serves echo with github.com/iceber/iouring-go. A program with it links only with
// -ldflags=-checklinkname=0, so it has a command of its own.
package iouringgo

import (
	"errors"
	"fmt"
	"os"

	"github.com/iceber/iouring-go"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/bench/peers"
)

// Backend is what this server announces.
const Backend = "io_uring"

// server has one ring and one goroutine that takes every result; each connection has one request in
// flight, a read or a write: the library's Recv and Send report no byte count.
type server struct {
	ring    *iouring.IOURing
	results chan iouring.Result
	size    int
}

// Echo runs until SIGINT or SIGTERM.
func Echo(cfg peers.Config) error {
	stopped := peers.Stopped()
	addr, err := peers.Listen(cfg.Addr)
	if err != nil {
		return err
	}
	defer addr.Close()
	file, err := addr.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		return err
	}
	defer file.Close()
	ring, err := iouring.New(4096)
	if err != nil {
		return err
	}
	s := &server{ring: ring, results: make(chan iouring.Result, 4096), size: min(max(cfg.Size, 4096), 64<<10)}
	ln := int(file.Fd())
	if err := s.submit(iouring.Accept(ln)); err != nil {
		return err
	}
	peers.Announce(addr.Addr(), Backend, 1)
	failed := make(chan error, 1)
	go func() { failed <- s.loop(ln) }()
	select {
	case err := <-failed:
		return err
	case <-stopped:
		return nil
	}
}

func (s *server) submit(req iouring.PrepRequest) error {
	_, err := s.ring.SubmitRequest(req, s.results)
	return err
}

func (s *server) loop(ln int) error {
	for r := range s.results {
		var err error
		switch r.Opcode() {
		case opAccept:
			err = s.accepted(ln, r)
		case opRead:
			err = s.received(r)
		case opWrite:
			err = s.sent(r)
		}
		if err != nil {
			return err
		}
	}
	return errors.New("iouring-go: the results ended")
}

func (s *server) accepted(ln int, r iouring.Result) error {
	fd, err := r.ReturnFd()
	if err != nil {
		return fmt.Errorf("iouring-go: accept: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	if err := s.submit(iouring.Read(fd, make([]byte, s.size))); err != nil {
		return err
	}
	return s.submit(iouring.Accept(ln))
}

func (s *server) received(r iouring.Result) error {
	n, err := r.ReturnInt()
	if err != nil || n == 0 {
		return unix.Close(r.Fd())
	}
	buf, _ := r.GetRequestBuffer()
	return s.submit(iouring.Write(r.Fd(), buf[:n]))
}

func (s *server) sent(r iouring.Result) error {
	n, err := r.ReturnInt()
	if err != nil {
		return unix.Close(r.Fd())
	}
	buf, _ := r.GetRequestBuffer()
	if n < len(buf) {
		// The request keeps only the rest: whole gives the next read a full buffer again.
		return s.submit(iouring.Write(r.Fd(), buf[n:]))
	}
	return s.submit(iouring.Read(r.Fd(), s.whole(buf)))
}

// whole undoes the slicing of a buffer, or replaces one that a short send has eaten into.
func (s *server) whole(buf []byte) []byte {
	if cap(buf) >= s.size {
		return buf[:s.size]
	}
	return make([]byte, s.size)
}
