package main

import (
	"io"
	"os"
	"time"

	"github.com/headrace/headrace/runtime/fiber"
	"github.com/headrace/headrace/runtime/tlsfiber"
)

// conn is a connection of a fiber, with TLS or without.
type conn interface {
	io.ReadWriter
	CloseWrite() error
	SendFile(head []byte, f *os.File, off, n int64) (int64, error)
	WaitReadable() error
	Pending() bool // something may be there to read
	SetReadDeadline(t time.Time) error
	SetBusy(busy bool)
	Draining() bool
	Offload(work func())
}

// plain is a connection without TLS.
type plain struct{ *fiber.Conn }

func (p plain) Pending() bool { return !p.Conn.Conn().Unread().Empty() }

var (
	_ conn = plain{}
	_ conn = (*tlsfiber.Conn)(nil)
)
