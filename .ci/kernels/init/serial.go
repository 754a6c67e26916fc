//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// serial writes whole lines to a serial port. Any goroutine may call it.
type serial struct {
	mu   sync.Mutex
	file *os.File
}

// openPort opens the port and switches off what a terminal does to its output.
func openPort(path string) (*serial, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("termios of %s: %w", path, err)
	}
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG
	t.Cflag |= unix.CLOCAL // no modem, no carrier to wait for
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		return nil, fmt.Errorf("termios of %s: %w", path, err)
	}
	return &serial{file: os.NewFile(uintptr(fd), path)}, nil
}

// line writes its words as one line. An error has no one to hear it: the host misses the line and fails.
func (s *serial) line(words ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.file.WriteString(strings.Join(words, " ") + "\n")
}

// drain waits until the port has sent everything.
func (s *serial) drain() error {
	return unix.IoctlSetInt(int(s.file.Fd()), unix.TCSBRK, 1)
}
