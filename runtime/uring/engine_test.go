//go:build linux

package uring

import (
	"fmt"
	"io"
	"net"
	goruntime "runtime"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
)

func TestEcho(t *testing.T) {
	r := newRig(t, nil)
	ln, addr := r.listen()
	accept := r.submit(driver.Accept, ln, nil)

	peer, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer peer.Close()
	r.until(func() bool { return len(accept.got) == 1 })
	conn := accept.got[0].Socket
	require.Equal(t, peer.LocalAddr().String(), r.RemoteAddr(conn).String())

	recv := r.submit(driver.Recv, conn, nil)
	_, err = peer.Write([]byte("ping"))
	require.NoError(t, err)
	r.until(func() bool { return len(recv.data) == 4 })
	require.Equal(t, "ping", string(recv.data))

	chain := r.chain("po", "ng")
	send := r.submit(driver.Send, conn, func(op *driver.Op) { op.Chain = chain })
	r.until(func() bool { return send.ended })
	require.NoError(t, send.err)
	require.Equal(t, 4, send.n)
	chain.Release()
	answer := make([]byte, 4)
	_, err = io.ReadFull(peer, answer)
	require.NoError(t, err)
	require.Equal(t, "pong", string(answer))

	require.NoError(t, peer.(*net.TCPConn).CloseWrite())
	r.until(func() bool { return recv.ended })
	require.Equal(t, io.EOF, recv.err)

	r.close(conn)
	r.close(ln)
	require.True(t, accept.ended)
	require.Equal(t, driver.ErrCanceled, accept.err)
	_, err = peer.Read(answer)
	require.Equal(t, io.EOF, err)
}

func TestCloseCancelsEverything(t *testing.T) {
	r := newRig(t, nil)
	s, peer := r.pair()
	recv := r.submit(driver.Recv, s, nil)
	big := r.chain(string(make([]byte, 64<<10)))
	var sends int
	send := &record{}
	send.op = driver.Op{Code: driver.Send, Owner: send, Socket: s, Chain: big}
	send.on = func(res *driver.Result) {
		if sends++; res.Err == nil {
			r.Submit(&send.op)
		}
	}
	r.Submit(&send.op)
	r.until(func() bool { // until the socket is full
		before := sends
		r.turn()
		return sends == before && sends > 0
	})
	var order []driver.Code
	note := func(c driver.Code) func(*driver.Result) {
		return func(res *driver.Result) {
			if !res.More {
				order = append(order, c)
			}
		}
	}
	recv.on, send.on = note(driver.Recv), note(driver.Send)
	closing := r.submit(driver.Close, s, nil)
	closing.on = note(driver.Close)
	late := r.submit(driver.Recv, s, nil)
	r.until(func() bool { return closing.ended && late.ended })
	require.Equal(t, driver.ErrCanceled, recv.err)
	require.Equal(t, driver.ErrCanceled, send.err)
	require.ErrorIs(t, late.err, net.ErrClosed)
	require.Len(t, order, 3)
	require.Equal(t, driver.Close, order[2])
	big.Release()
	buf := make([]byte, 1<<20)
	for {
		n, err := syscall.Read(peer, buf)
		require.NoError(t, err)
		if n == 0 {
			break
		}
	}
}

func TestCancelKeepsData(t *testing.T) {
	r := newRig(t, nil)
	s, peer := r.pair()
	recv := r.submit(driver.Recv, s, nil)
	r.turn()
	// Data and the cancel request reach the kernel in the same enter.
	_, err := syscall.Write(peer, []byte("last words"))
	require.NoError(t, err)
	r.Cancel(&recv.op)
	r.Cancel(&recv.op)
	r.until(func() bool { return recv.ended })
	require.Equal(t, driver.ErrCanceled, recv.err)

	again := r.submit(driver.Recv, s, nil)
	require.NoError(t, syscall.Shutdown(peer, syscall.SHUT_WR))
	r.until(func() bool { return again.ended })
	require.Equal(t, io.EOF, again.err)
	require.Equal(t, "last words", string(recv.data)+string(again.data))
	r.close(s)
}

func TestWake(t *testing.T) {
	for _, parks := range []bool{false, true} {
		t.Run(fmt.Sprintf("parks %v", parks), func(t *testing.T) {
			r := newRig(t, nil)
			r.waits.Always = parks
			r.Wake()
			n, err := r.Poll(-1)
			require.NoError(t, err)
			require.Zero(t, n)
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range 1000 {
					r.Wake()
				}
			}()
			<-done
			_, err = r.Poll(-1)
			require.NoError(t, err)
			for range 50 {
				var waking atomic.Bool
				go func() {
					for s := awake; s != asleep && s != parked; s = r.waker.state.Load() {
						goruntime.Gosched()
					}
					waking.Store(true)
					r.Wake()
				}()
				for !waking.Load() { // what an earlier one wrote can come late
					_, err = r.Poll(-1)
					require.NoError(t, err)
				}
			}
		})
	}
}

func TestSubmitTwicePanics(t *testing.T) {
	r := newRig(t, nil)
	s, _ := r.pair()
	recv := r.submit(driver.Recv, s, nil)
	require.Panics(t, func() { r.Submit(&recv.op) })
	require.Panics(t, func() { r.Submit(&driver.Op{}) })
	r.close(s)
}

// TestControlThatOpens: what Control is called for may open sockets, and the table of
// them grow.
func TestControlThatOpens(t *testing.T) {
	r := newRig(t, nil)
	ln, _ := r.listen()
	before := len(r.socks)
	require.NoError(t, r.Control(ln, func(uintptr) {
		fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		for i := range fds {
			high, err := unix.FcntlInt(uintptr(fds[i]), unix.F_DUPFD_CLOEXEC, before)
			require.NoError(t, err)
			require.NoError(t, syscall.Close(fds[i]))
			r.adopt(high)
		}
		linger := unix.Linger{Onoff: 1, Linger: 1}
		require.NoError(t, unix.SetsockoptLinger(int(ln), unix.SOL_SOCKET, unix.SO_LINGER, &linger))
	}))
	require.Greater(t, len(r.socks), before)
	require.True(t, r.socks[ln].shown)
	require.True(t, r.socks[ln].lingers)
}

// TestReceiveIntoMoreThanARequestHolds: 4 GiB are 0 to the kernel.
func TestReceiveIntoMoreThanARequestHolds(t *testing.T) {
	r := newRig(t, nil)
	s, fd := r.pair()
	_, err := syscall.Write(fd, []byte("hello"))
	require.NoError(t, err)
	size := uint64(1) << 32
	memory, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		t.Skip("no room for it: ", err)
	}
	defer func() { require.NoError(t, unix.Munmap(memory)) }()
	o := r.submit(driver.RecvInto, s, func(op *driver.Op) { op.Buf = memory })
	r.until(func() bool { return o.ended })
	require.NoError(t, o.err)
	require.Equal(t, 5, o.n)
}
