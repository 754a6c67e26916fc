//go:build linux

package ring

import (
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestSmoke(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r, err := New(8, Params{Flags: SetupSingleIssuer | SetupDeferTaskrun | SetupCQSize | SetupNoSQArray | SetupSubmitAll, CQEntries: 64})
	require.NoError(t, err)
	t.Log(r.Flags(), r.Features(), r.SQEntries(), r.CQEntries())
	require.NoError(t, r.RegisterRingFD())
	was, err := r.RegisterIOWQMaxWorkers(2, 2)
	require.NoError(t, err)
	t.Log(was)
	for i := range 100 {
		s := r.GetSQE()
		s.PrepNop()
		s.UserData = uint64(i)
		n, err := r.SubmitAndWait(1, time.Second)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		var c [4]CQE
		require.Equal(t, 1, r.PeekBatch(c[:]))
		require.Equal(t, CQE{UserData: uint64(i)}, c[0])
	}
	_, err = r.SubmitAndWait(1, time.Millisecond)
	require.Equal(t, unix.ETIME, err)
	b, err := r.RegisterBufRing(4, 7, 0)
	require.NoError(t, err)
	mem := make([]byte, 4*64)
	for i := range 4 {
		b.Add(unsafe.Pointer(&mem[i*64]), 64, uint16(i))
	}
	b.Advance()
	n, err := b.Available()
	require.NoError(t, err)
	require.Equal(t, 4, n)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	r.GetSQE().PrepRecvMultishot(fds[0], 7)
	unix.Write(fds[1], []byte("hello"))
	_, err = r.SubmitAndWait(1, time.Second)
	require.NoError(t, err)
	var c [4]CQE
	require.Equal(t, 1, r.PeekBatch(c[:]))
	t.Log(c[0], c[0].Flags)
	require.Equal(t, "hello", string(mem[:5]))
	require.NoError(t, b.Close())
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
	require.Nil(t, r.GetSQE())
	_, err = r.SubmitAndWait(1, time.Millisecond)
	require.Equal(t, unix.EBADF, err)
}
