//go:build linux

package ring

import (
	"bytes"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// listenTCP returns a listening socket on loopback and its address.
func listenTCP(t *testing.T) (int, *unix.RawSockaddrInet4) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	require.NoError(t, err)
	closeLater(t, fd)
	require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, unix.Listen(fd, 16))
	sa, err := unix.Getsockname(fd)
	require.NoError(t, err)
	return fd, rawAddr(sa.(*unix.SockaddrInet4).Port)
}

func rawAddr(port int) *unix.RawSockaddrInet4 {
	sa := keep(&unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: [4]byte{127, 0, 0, 1}})
	p := (*[2]byte)(unsafe.Pointer(&sa.Port))
	p[0], p[1] = byte(port>>8), byte(port)
	return sa
}

// tcpPair connects two sockets over loopback, through the ring.
func tcpPair(t *testing.T, r *Ring) (client, server int) {
	t.Helper()
	ln, addr := listenTCP(t)
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	require.NoError(t, err)
	closeLater(t, client)
	peer, peerLen := keep(new(unix.RawSockaddrAny)), keep(new(uint32))
	*peerLen = unix.SizeofSockaddrAny
	sqe(t, r, 1).PrepAccept(ln, peer, peerLen, unix.SOCK_CLOEXEC)
	sqe(t, r, 2).PrepConnect(client, unsafe.Pointer(addr), unix.SizeofSockaddrInet4)
	cqes := byUserData(t, r, 2)
	requireRes(t, 0, cqes[2])
	server = int(cqes[1].Res)
	require.Positive(t, server, "%v", cqes[1])
	closeLater(t, server)
	require.Equal(t, uint16(unix.AF_INET), peer.Addr.Family)
	require.Equal(t, uint32(unix.SizeofSockaddrInet4), *peerLen)
	return client, server
}

func TestMultishotAccept(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	ln, addr := listenTCP(t)
	sqe(t, r, 1).PrepMultishotAccept(ln, unix.SOCK_CLOEXEC)
	for range 3 {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
		require.NoError(t, err)
		closeLater(t, fd)
		sqe(t, r, 2).PrepConnect(fd, unsafe.Pointer(addr), unix.SizeofSockaddrInet4)
		for _, c := range reap(t, r, 2) {
			if c.UserData == 2 {
				requireRes(t, 0, c)
				continue
			}
			if c.Res == -int32(unix.EINVAL) {
				t.Skip("this kernel has no multishot accept")
			}
			require.True(t, c.More())
			require.Positive(t, c.Res)
			require.NoError(t, unix.Close(int(c.Res)))
		}
	}
	sqe(t, r, 3).PrepCancelFD(ln, CancelAll)
	cqes := byUserData(t, r, 2)
	requireErrno(t, unix.ECANCELED, cqes[1])
	require.False(t, cqes[1].More())
	requireRes(t, 1, cqes[3])
}

func TestSendMsgRecvMsg(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	a, b := socketpair(t, unix.SOCK_STREAM)
	out := keep(&unix.Msghdr{Iov: &iovecs([]byte("first "), []byte("second"))[0]})
	out.SetIovlen(2)
	buf := memory(32)
	in := keep(&unix.Msghdr{Iov: &iovecs(buf)[0]})
	in.SetIovlen(1)

	sqe(t, r, 1).PrepSendMsg(b, out, unix.MSG_NOSIGNAL)
	requireRes(t, 12, one(t, r))
	sqe(t, r, 2).PrepRecvMsg(a, in, 0)
	requireRes(t, 12, one(t, r))
	require.Equal(t, "first second", string(buf[:12]))
}

// TestRecvMsgMultishot receives datagrams with their sender and a truncated one.
func TestRecvMsgMultishot(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	var fds [2]int
	var addrs [2]*unix.SockaddrInet4
	for i := range fds {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		closeLater(t, fd)
		require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
		sa, err := unix.Getsockname(fd)
		require.NoError(t, err)
		fds[i], addrs[i] = fd, sa.(*unix.SockaddrInet4)
	}
	_, bufs := bufRing(t, r, 4, 16+unix.SizeofSockaddrInet4+8, 7)
	msg := keep(&unix.Msghdr{Namelen: unix.SizeofSockaddrInet4})
	sqe(t, r, 1).PrepRecvMsgMultishot(fds[0], msg, 7)

	for _, s := range []string{"ping", "a datagram too long"} {
		data := memory(len(s))
		copy(data, s)
		to := rawAddr(addrs[0].Port)
		send := sqe(t, r, 2)
		send.PrepSend(fds[1], data, 0)
		send.SetSendAddr(unsafe.Pointer(to), unix.SizeofSockaddrInet4)
		cqes := byUserData(t, r, 2)
		if cqes[2].Res == -int32(unix.EINVAL) {
			t.Skip("this kernel has no address for SEND")
		}
		requireRes(t, len(s), cqes[2])
		c := cqes[1]
		require.True(t, c.More())
		m, ok := ParseRecvMsg(bufs[c.BufferID()][:c.Res], msg)
		require.True(t, ok)
		require.Equal(t, s[:min(len(s), 8)], string(m.Payload))
		require.Equal(t, len(s) > 8, m.Flags&unix.MSG_TRUNC != 0)
		from := rawAddr(addrs[1].Port)
		require.Equal(t, unsafe.Slice((*byte)(unsafe.Pointer(from)), 8), m.Name[:8])
		require.Empty(t, m.Control)
	}
}

// TestSendZC sends over TCP: a result that promises a notification, then that one.
func TestSendZC(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	needOps(t, r, OpSendZC)
	client, server := tcpPair(t, r)
	data := memory(32 << 10)
	for i := range data {
		data[i] = byte(i * 7)
	}
	check := func(t *testing.T) {
		got := memory(len(data))
		sqe(t, r, 2).PrepRecv(server, got, unix.MSG_WAITALL)
		var result, notif bool
		for _, c := range reap(t, r, 3) {
			switch {
			case c.UserData == 2:
				requireRes(t, len(data), c)
			case c.Notif():
				require.True(t, result, "the result comes first")
				require.False(t, c.More())
				require.Zero(t, uint32(c.Res)&^NotifZCCopied)
				notif = true
			default:
				requireRes(t, len(data), c)
				require.True(t, c.More(), "a notification follows")
				result = true
			}
		}
		require.True(t, notif)
		require.True(t, bytes.Equal(data, got))
	}
	sqe(t, r, 1).PrepSendZC(client, data, unix.MSG_WAITALL, SendZCReportUsage)
	check(t)

	iov := iovecs(data)
	if err := r.RegisterBuffers(iov, nil); err != nil {
		t.Skipf("no registered buffers: %v", err)
	}
	sqe(t, r, 1).PrepSendZCFixed(client, data, unix.MSG_WAITALL, 0, 0)
	check(t)

	needOps(t, r, OpSendMsgZC)
	msg := keep(&unix.Msghdr{Iov: &iov[0]})
	msg.SetIovlen(1)
	sqe(t, r, 1).PrepSendMsgZC(client, msg, unix.MSG_WAITALL)
	check(t)
}

func TestSendZCRefusal(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	needOps(t, r, OpSendZC)
	a, _ := socketpair(t, unix.SOCK_STREAM)
	sqe(t, r, 1).PrepSendZC(a, memory(8), 0, 0)
	cqes := untilFinal(t, r)
	requireErrno(t, unix.EOPNOTSUPP, cqes[0])
	require.Equal(t, len(cqes) == 2, cqes[0].More(), "a failed send may have a notification too")
	require.Equal(t, len(cqes) == 2, cqes[len(cqes)-1].Notif())
}

func TestSocketThroughTheRing(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	needOps(t, r, OpSocket, OpBind, OpListen, OpShutdown)
	sqe(t, r, 1).PrepSocket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	c := one(t, r)
	require.Positive(t, c.Res, "%v", c)
	ln := int(c.Res)
	sqe(t, r, 2).PrepBind(ln, unsafe.Pointer(rawAddr(0)), unix.SizeofSockaddrInet4)
	requireRes(t, 0, one(t, r))
	sqe(t, r, 3).PrepListen(ln, 4)
	requireRes(t, 0, one(t, r))
	v, err := unix.GetsockoptInt(ln, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	require.NoError(t, err)
	require.Equal(t, 1, v)
	sqe(t, r, 4).PrepShutdown(ln, unix.SHUT_RDWR)
	requireRes(t, 0, one(t, r))
	sqe(t, r, 5).PrepClose(ln)
	requireRes(t, 0, one(t, r))
	sqe(t, r, 6).PrepClose(ln)
	requireErrno(t, unix.EBADF, one(t, r))
}
