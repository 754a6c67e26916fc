//go:build linux

package uring

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// connected returns a TCP socket of the engine's and its peer.
func (r *rig) connected() (driver.Socket, net.Conn) {
	r.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(r.t, err)
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(r.t, err)
	s, err := r.Attach(c)
	require.NoError(r.t, err)
	peer, err := ln.Accept()
	require.NoError(r.t, err)
	r.t.Cleanup(func() { peer.Close() })
	return s, peer
}

func bigChain(size int) (*buffers.Chain, []byte) {
	data := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	c := &buffers.Chain{}
	c.Append(buffers.Wrap(data[:size/2], nil))
	c.Append(buffers.Wrap(data[size/2:], nil))
	return c, data
}

// TestZeroCopySend forces zero-copy over loopback, where the kernel reports that
// it copied: memory is held until the notification, and the next send copies.
func TestZeroCopySend(t *testing.T) {
	r := newRig(t, nil)
	if !r.feats.sendZC {
		t.Skip("no zero-copy send")
	}
	for _, pieces := range []int{1, 2} {
		s, peer := r.connected()
		r.socks[s].zeroCopy = zeroCopyOn
		chain, data := bigChain(128 << 10)
		if pieces == 1 {
			chain.Release()
			chain.Append(buffers.Wrap(data, nil))
		}
		read := make(chan []byte)
		go func() {
			got := make([]byte, len(data))
			_, _ = io.ReadFull(peer, got)
			read <- got
		}()
		before := r.stats.ZeroCopies
		o := &record{}
		o.op = driver.Op{Code: driver.Send, Owner: o, Socket: s, Chain: chain, Bulk: true}
		copied, sent := false, 0
		o.on = func(res *driver.Result) {
			require.NoError(t, res.Err)
			copied = copied || res.Copied
			sent += res.N
			if !res.More {
				if chain.Discard(sent); !chain.Empty() {
					sent = 0
					r.Submit(&o.op)
				}
			}
		}
		r.Submit(&o.op)
		r.until(chain.Empty)
		require.Equal(t, data, <-read)
		require.Greater(t, r.stats.ZeroCopies, before)
		require.True(t, copied)
		require.Equal(t, zeroCopyOff, r.socks[s].zeroCopy)
		require.True(t, r.copied.known(netip.MustParseAddr("127.0.0.1"), time.Now()), "for other sockets, too")
		r.close(s)
	}
}

// TestZeroCopyRefused falls back to a copy where the socket has no zero-copy.
func TestZeroCopyRefused(t *testing.T) {
	r := newRig(t, nil)
	if !r.feats.sendZC {
		t.Skip("no zero-copy send")
	}
	s, peer := r.pair() // AF_UNIX: EOPNOTSUPP
	r.socks[s].zeroCopy = zeroCopyOn
	chain, data := bigChain(64 << 10)
	o := r.submit(driver.Send, s, func(op *driver.Op) { op.Chain, op.Bulk = chain, true })
	r.until(func() bool { return o.ended })
	require.NoError(t, o.err)
	require.NotZero(t, o.n)
	got := make([]byte, o.n)
	n, err := syscall.Read(peer, got)
	require.NoError(t, err)
	require.Equal(t, data[:n], got[:n])
	r.close(s)
	chain.Release()
}

func TestZeroCopyIsForOtherHosts(t *testing.T) {
	r := newRig(t, nil)
	tcp, _ := r.connected()
	local, _ := r.pair()
	for _, s := range []driver.Socket{tcp, local} {
		_, leaves := leavesHost(int(s))
		require.False(t, leaves)
	}
}

func TestLingeringCloseDoesNotBlock(t *testing.T) {
	r := newRig(t, nil)
	s, peer := r.connected()
	// Fill the socket, so that close(2) would wait for the peer.
	chain := &buffers.Chain{}
	chain.Append(buffers.Wrap(make([]byte, 8<<20), nil))
	o := r.submit(driver.Send, s, func(op *driver.Op) { op.Chain = chain })
	r.until(func() bool { return o.ended })
	require.NoError(t, r.SetOption(s, driver.Linger, 60))
	require.True(t, r.socks[s].lingers)
	done := r.submit(driver.Close, s, nil)
	other, fd := r.pair()
	recv := r.submit(driver.Recv, other, nil)
	_, err := unix.Write(fd, []byte("x"))
	require.NoError(t, err)
	r.until(func() bool { return len(recv.data) == 1 })
	n, err := io.Copy(io.Discard, peer)
	require.NoError(t, err)
	require.EqualValues(t, o.n, n)
	r.until(func() bool { return done.ended })
	require.NoError(t, done.err)
	chain.Release()
}

// TestAbortWithZeroCopyQueued closes a connection whose peer reads nothing: the
// notifications of what it never took must come all the same.
func TestAbortWithZeroCopyQueued(t *testing.T) {
	r := newRig(t, nil)
	if !r.feats.sendZC {
		t.Skip("no zero-copy send")
	}
	s, _ := r.connected()
	r.socks[s].zeroCopy = zeroCopyOn
	chain, _ := bigChain(16 << 20)
	o := r.submit(driver.Send, s, func(op *driver.Op) { op.Chain, op.Bulk = chain, true })
	r.until(func() bool { return len(o.got) > 0 })
	before := r.stats.Submitted
	r.Cancel(&o.op)
	r.turn()
	if !o.ended {
		require.Equal(t, before, r.stats.Submitted, "there is nothing left to cancel")
	}
	done := r.submit(driver.Close, s, func(op *driver.Op) { op.Abort = true })
	r.until(func() bool { return done.ended })
	require.NoError(t, done.err)
	require.True(t, o.ended)
	chain.Release()
}

// TestEngineCloseWithZeroCopyQueued is the same without a Close of the socket.
func TestEngineCloseWithZeroCopyQueued(t *testing.T) {
	r := newRig(t, nil)
	if !r.feats.sendZC {
		t.Skip("no zero-copy send")
	}
	s, _ := r.connected()
	r.socks[s].zeroCopy = zeroCopyOn
	chain, _ := bigChain(16 << 20)
	o := r.submit(driver.Send, s, func(op *driver.Op) { op.Chain, op.Bulk = chain, true })
	r.until(func() bool { return len(o.got) > 0 })
	require.NoError(t, r.Close())
	require.True(t, o.ended)
	chain.Release()
}
