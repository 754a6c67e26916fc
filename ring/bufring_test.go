//go:build linux

package ring

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// bufRing registers entries buffers of size bytes as group bgid and gives all of them to the kernel.
func bufRing(t *testing.T, r *Ring, entries, size int, bgid uint16) (*BufRing, [][]byte) {
	t.Helper()
	b, err := r.RegisterBufRing(uint16(entries), bgid, 0)
	needRegister(t, RegisterPBufRing, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	bufs := make([][]byte, entries)
	for i := range bufs {
		bufs[i] = memory(size)
		addBuffer(b, bufs[i], uint16(i))
	}
	b.Advance()
	return b, bufs
}

func addBuffer(b *BufRing, buf []byte, bid uint16) {
	b.Add(unsafe.Pointer(&buf[0]), uint32(len(buf)), bid)
}

// untilFinal reaps until the completion without CQEMore, and returns all up to it.
func untilFinal(t *testing.T, r *Ring) []CQE {
	t.Helper()
	var all []CQE
	for len(all) == 0 || all[len(all)-1].More() {
		all = append(all, some(t, r)...)
		require.Less(t, len(all), 100)
	}
	return all
}

// TestRecvMultishot goes the round of a buffer ring: receive, run out (ENOBUFS), refill, arm again, end.
func TestRecvMultishot(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	a, b := socketpair(t, unix.SOCK_SEQPACKET)
	br, bufs := bufRing(t, r, 4, 16, 7)
	require.Equal(t, uint16(4), br.Entries())
	require.Equal(t, uint16(7), br.BGID())

	words := []string{"one", "two", "three", "four", "five"}
	for _, s := range words {
		write(t, b, s)
	}
	sqe(t, r, 1).PrepRecvMultishot(a, 7)
	cqes := untilFinal(t, r)
	require.Len(t, cqes, 5)
	for i, c := range cqes[:4] {
		requireRes(t, len(words[i]), c)
		require.True(t, c.HasBuffer())
		require.Equal(t, words[i], string(bufs[c.BufferID()][:c.Res]))
	}
	requireErrno(t, unix.ENOBUFS, cqes[4])
	require.False(t, cqes[4].HasBuffer())

	for _, bid := range []uint16{2, 0, 3} {
		addBuffer(br, bufs[bid], bid)
	}
	br.Advance()
	require.Equal(t, uint16(7), br.Tail())
	sqe(t, r, 2).PrepRecvMultishot(a, 7)
	c := one(t, r)
	requireRes(t, 4, c)
	require.True(t, c.More())
	require.Equal(t, uint16(2), c.BufferID(), "buffers go in ring order")
	require.Equal(t, "five", string(bufs[2][:4]), "running out loses no data")

	require.NoError(t, unix.Shutdown(b, unix.SHUT_WR))
	cqes = untilFinal(t, r)
	require.Len(t, cqes, 1)
	requireRes(t, 0, cqes[0])
}

// TestBufRingTurns goes around a ring many times, place 0 with its shared tail included.
func TestBufRingTurns(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	a, b := socketpair(t, unix.SOCK_SEQPACKET)
	br, bufs := bufRing(t, r, 4, 16, 7)
	for i := range 70_000 / 500 * 3 { // bids wander over the places
		want := []byte{byte(i), byte(i >> 8)}
		write(t, b, string(want))
		sqe(t, r, 1).PrepRecvSelect(a, 7, 0, 0)
		c := one(t, r)
		requireRes(t, 2, c)
		bid := c.BufferID()
		require.Equal(t, want, bufs[bid][:2])
		addBuffer(br, bufs[bid], bid)
		br.Advance()
	}
	n, err := br.Available()
	needRegister(t, RegisterPBufStatus, err)
	require.Equal(t, 4, n)
}

func TestBufRingErrors(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	for _, entries := range []uint16{0, 3, 100, 65535} {
		_, err := r.RegisterBufRing(entries, 1, 0)
		require.ErrorIs(t, err, unix.EINVAL, "%d", entries)
	}
	b, err := r.RegisterBufRing(MaxBufRingEntries, 1, 0)
	needRegister(t, RegisterPBufRing, err)
	_, err = r.RegisterBufRing(8, 1, 0)
	require.ErrorIs(t, err, unix.EEXIST)
	require.NoError(t, b.Close())
	require.NoError(t, b.Close(), "Close is idempotent")
	b, err = r.RegisterBufRing(8, 1, 0)
	require.NoError(t, err, "the group is free again")
	require.NoError(t, r.Close())
	require.NoError(t, b.Close(), "right after the ring's Close too")
}

// TestBufRingIncremental: one buffer serves several receives, and is the caller's when BufMore is gone.
func TestBufRingIncremental(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	a, b := socketpair(t, unix.SOCK_SEQPACKET)
	br, err := r.RegisterBufRing(4, 7, PBufRingInc)
	needRegister(t, RegisterPBufRing, err)
	t.Cleanup(func() { require.NoError(t, br.Close()) })
	buf := memory(8)
	addBuffer(br, buf, 5)
	br.Advance()
	for _, s := range []string{"abc", "de", "fgh"} {
		write(t, b, s)
		sqe(t, r, 1).PrepRecvSelect(a, 7, 0, 0)
		c := one(t, r)
		requireRes(t, len(s), c)
		require.Equal(t, uint16(5), c.BufferID())
		require.Equal(t, s != "fgh", c.BufMore())
	}
	require.Equal(t, "abcdefgh", string(buf))
}

func TestBundles(t *testing.T) {
	r := newRing(t, 8, Params{Flags: best})
	needFeatures(t, r, FeatRecvSendBundle)
	a, b := socketpair(t, unix.SOCK_STREAM)
	_, in := bufRing(t, r, 8, 4, 7)
	_, out := bufRing(t, r, 2, 5, 8)
	copy(out[0], "hello")
	copy(out[1], "world")

	sqe(t, r, 1).PrepSendBundle(b, 8, 0)
	c := one(t, r)
	requireRes(t, 10, c)
	require.Zero(t, c.BufferID())

	sqe(t, r, 2).PrepRecvMultishotBundle(a, 7)
	var got []byte
	for len(got) < 10 {
		for _, c := range some(t, r) {
			require.Positive(t, c.Res)
			bid, left := int(c.BufferID()), int(c.Res)
			for ; left > 0; bid++ { // bids were added in order, so ring order counts up
				n := min(left, 4)
				got = append(got, in[bid][:n]...)
				left -= n
			}
		}
	}
	require.Equal(t, "helloworld", string(got))
}
