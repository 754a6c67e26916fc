//go:build linux

package uring

import (
	"fmt"
	"net"
	goruntime "runtime"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
)

// The echo benchmarks bounce one message per pair of TCP sockets, both ends of
// which are the engine's: one hop is a receive and a send. The floor does the same
// on a bare ring, with nothing between completion and submission but an array.

func BenchmarkEcho(b *testing.B) {
	for _, size := range []int{64, 16 << 10} {
		for _, pairs := range []int{1, 50} {
			name := fmt.Sprintf("size=%d/pairs=%d", size, pairs)
			b.Run("engine/"+name, func(b *testing.B) { benchEcho(b, pairs, size) })
			b.Run("floor/"+name, func(b *testing.B) { benchFloor(b, pairs, size) })
		}
	}
}

// bouncer sends back whatever it receives.
type bouncer struct {
	e          *engine
	recv, send driver.Op
	out        buffers.Chain
	hops       *int
}

func (o *bouncer) Complete(op *driver.Op, r *driver.Result) {
	if r.Err != nil {
		return
	}
	if op == &o.recv {
		*o.hops++
		o.out.Append(r.Chunk)
	} else {
		o.out.Discard(r.N)
	}
	if !o.send.InFlight() && !o.out.Empty() {
		o.e.Submit(&o.send)
	}
}

func benchEcho(b *testing.B, pairs, size int) {
	r := newRig(b, func(c *rigConfig) {
		c.Entries, c.RecvBuffers, c.RecvBufferSize = 256, 256, 16<<10
	})
	hops := 0
	var all []*bouncer
	for range pairs {
		for _, fd := range tcpPair(b) {
			o := &bouncer{e: r.engine, hops: &hops}
			s := r.adopt(fd)
			o.recv = driver.Op{Code: driver.Recv, Owner: o, Socket: s}
			o.send = driver.Op{Code: driver.Send, Owner: o, Socket: s, Chain: &o.out}
			r.Submit(&o.recv)
			all = append(all, o)
		}
		o := all[len(all)-1]
		o.out.Append(buffers.Wrap(make([]byte, size), nil))
		r.Submit(&o.send)
	}
	for hops < 10*pairs {
		r.turn()
	}
	before := r.stats
	b.ReportAllocs()
	b.ResetTimer()
	cpu := threadCPU()
	for hops = 0; hops < b.N; {
		if _, err := r.Poll(-1); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	cpu.report(b, hops)
	b.ReportMetric(float64(r.stats.Enters-before.Enters)/float64(hops), "enters/op")
	b.ReportMetric(float64(r.stats.Completed-before.Completed)/float64(hops), "cqes/op")
	for _, o := range all {
		r.close(o.recv.Socket)
		o.out.Release()
	}
}

func benchFloor(b *testing.B, pairs, size int) {
	const count = 256
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	r, err := ring.New(256, ring.Params{Flags: new(features).setupFlags(false), CQEntries: 2048})
	require.NoError(b, err)
	defer r.Close()
	_ = r.RegisterRingFD()
	br, err := r.RegisterBufRing(count, 0, 0)
	require.NoError(b, err)
	defer br.Close()
	mem, err := unix.Mmap(-1, 0, count*16<<10, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	require.NoError(b, err)
	defer unix.Munmap(mem)
	buf := func(bid int) []byte { return mem[bid*16<<10:][:16<<10] }
	for i := range count {
		br.Add(unsafe.Pointer(&buf(i)[0]), 16<<10, uint16(i))
	}
	br.Advance()
	var fds []int
	for range pairs {
		pair := tcpPair(b)
		fds = append(fds, pair[0], pair[1])
	}
	defer func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}()
	for i, fd := range fds {
		sqe := r.GetSQE()
		sqe.PrepRecvMultishot(fd, 0)
		sqe.UserData = uint64(i)
		if i%2 == 1 {
			_, err := unix.Write(fd, make([]byte, size))
			require.NoError(b, err)
		}
	}
	cqes := make([]ring.CQE, 256)
	hops := 0
	b.ReportAllocs()
	b.ResetTimer()
	cpu := threadCPU()
	for hops < b.N {
		if _, err := r.SubmitAndWait(1, -1); err != nil && err != unix.EINTR {
			b.Fatal(err)
		}
		n := r.PeekBatch(cqes)
		for _, c := range cqes[:n] {
			bid := int(c.UserData >> 32)
			if bid == 0 {
				hops++
				bid = int(c.BufferID())
				sqe := r.GetSQE()
				sqe.PrepSend(fds[c.UserData], buf(bid)[:c.Res], unix.MSG_NOSIGNAL)
				sqe.UserData = uint64(bid+1) << 32
			} else {
				br.Add(unsafe.Pointer(&buf(bid - 1)[0]), 16<<10, uint16(bid-1))
			}
		}
		br.Advance()
	}
	b.StopTimer()
	cpu.report(b, hops)
}

// cpuTime is what the thread has spent, in user mode and in the kernel.
type cpuTime struct{ user, system int64 }

func threadCPU() cpuTime {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_THREAD, &u)
	return cpuTime{u.Utime.Nano(), u.Stime.Nano()}
}

func (c cpuTime) report(b *testing.B, ops int) {
	now := threadCPU()
	b.ReportMetric(float64(now.user-c.user)/float64(ops), "user-ns/op")
	b.ReportMetric(float64(now.system-c.system)/float64(ops), "sys-ns/op")
}

// tcpPair returns two connected TCP sockets.
func tcpPair(t testing.TB) [2]int {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	a, err := ln.Accept()
	require.NoError(t, err)
	var fds [2]int
	for i, conn := range []net.Conn{c, a} {
		raw, err := conn.(*net.TCPConn).SyscallConn()
		require.NoError(t, err)
		require.NoError(t, raw.Control(func(fd uintptr) {
			fds[i], err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
		}))
		require.NoError(t, err)
		require.NoError(t, syscall.SetNonblock(fds[i], true))
		require.NoError(t, conn.Close())
	}
	return fds
}
