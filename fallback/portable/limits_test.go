package portable

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

// TestUnsupported: what package net has no means for says so.
func TestUnsupported(t *testing.T) {
	e := open(t)
	for name, cfg := range map[string]*driver.ListenConfig{
		"reuse port":  {ReusePort: true},
		"packet info": {PacketInfo: true},
		"tos":         {TOS: true},
		"ttl":         {TTL: true},
	} {
		_, err := e.Listen("udp4", nil, cfg)
		require.ErrorIs(t, err, errors.ErrUnsupported, name)
	}
	s, err := e.Listen("tcp4", nil, nil)
	require.NoError(t, err)
	require.ErrorIs(t, e.CloseWrite(s), errors.ErrUnsupported)
	require.ErrorIs(t, e.SetOption(s, 255, 1), errors.ErrUnsupported)
	u, err := e.Listen("udp4", nil, nil)
	require.NoError(t, err)
	require.ErrorIs(t, e.SetOption(u, driver.NoDelay, 1), errors.ErrUnsupported)

	// A listener whose Accept can not be ended could never be closed in order.
	_, err = e.Attach(struct{ net.Listener }{})
	require.ErrorIs(t, err, errors.ErrUnsupported)
	for _, code := range []driver.Code{driver.Recv, driver.Send, driver.RecvFrom, driver.SendTo} {
		r := &reader{}
		r.op = driver.Op{Code: code, Owner: r, Socket: s}
		e.Submit(&r.op)
		until(t, e, func() bool { return !r.op.InFlight() })
		require.ErrorIs(t, r.err, errors.ErrUnsupported, code.String())
	}
}

// TestPipe: any net.Conn will do.
func TestPipe(t *testing.T) {
	e := open(t)
	near, far := net.Pipe()
	defer far.Close()
	r := &reader{}
	s, err := e.Attach(near)
	require.NoError(t, err)
	r.op = driver.Op{Code: driver.Recv, Owner: r, Socket: s}
	e.Submit(&r.op)
	go far.Write(make([]byte, 10_000))
	until(t, e, func() bool { return r.n == 10_000 })
}

func TestBare(t *testing.T) {
	wrapped := &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	require.Equal(t, syscall.ECONNRESET, bare(wrapped))
	require.Equal(t, syscall.EBADF, bare(&os.PathError{Op: "read", Path: "f", Err: syscall.EBADF}))
	require.NoError(t, bare(nil))
}
