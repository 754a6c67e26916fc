//go:build linux

package ring

import (
	"strconv"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Memory for the prep tests, at addresses that do not move.
var (
	prepBuf   = make([]byte, 300)
	prepName  = new(unix.RawSockaddrAny)
	prepLen   = new(uint32)
	prepMsg   = new(unix.Msghdr)
	prepIov   = make([]unix.Iovec, 3)
	prepPath  = new(byte)
	prepPath2 = new([2]byte)
	prepTS    = new(Timespec)
	prepStat  = new(unix.Statx_t)
	prepFDs   = make([]int32, 5)
	prepPair  = new([2]int32)
)

func at[T any](p *T) uint64 { return uint64(uintptr(unsafe.Pointer(p))) }

type prepCase struct {
	name string
	prep func(*SQE)
	want SQE
}

// checkPrep runs each case on a zeroed entry, and on one full of an earlier entry's remains whose Flags and
// UserData have been set already.
func checkPrep(t *testing.T, cases []prepCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var clean SQE
			c.prep(&clean)
			require.Equal(t, c.want, clean)

			var dirty SQE
			for i := range unsafe.Slice((*byte)(unsafe.Pointer(&dirty)), unsafe.Sizeof(dirty)) {
				*(*byte)(unsafe.Add(unsafe.Pointer(&dirty), i)) = 0xa5
			}
			dirty.Flags, dirty.UserData = SQEIOLink, 42
			want := c.want
			want.Flags |= SQEIOLink
			want.UserData = 42
			c.prep(&dirty)
			require.Equal(t, want, dirty)

			require.Zero(t, testing.AllocsPerRun(10, func() { c.prep(&clean) }))
		})
	}
}

func TestPrepReceive(t *testing.T) {
	const sel = SQEBufferSelect
	buf, msg := at(&prepBuf[0]), at(prepMsg)
	checkPrep(t, []prepCase{
		{"accept", func(s *SQE) { s.PrepAccept(7, prepName, prepLen, 0x800) },
			SQE{Opcode: OpAccept, FD: 7, Addr: at(prepName), Off: at(prepLen), OpFlags: 0x800}},
		{"accept direct", func(s *SQE) { s.PrepAcceptDirect(7, nil, nil, 0, 3) },
			SQE{Opcode: OpAccept, FD: 7, FileIndex: 4}},
		{"accept direct alloc", func(s *SQE) { s.PrepAcceptDirect(7, nil, nil, 0, FileIndexAlloc) },
			SQE{Opcode: OpAccept, FD: 7, FileIndex: 0xffffffff}},
		{"multishot accept", func(s *SQE) { s.PrepMultishotAccept(7, 0x80000) },
			SQE{Opcode: OpAccept, FD: 7, OpFlags: 0x80000, Ioprio: 1}},
		{"multishot accept direct", func(s *SQE) { s.PrepMultishotAcceptDirect(7, 0) },
			SQE{Opcode: OpAccept, FD: 7, Ioprio: 1, FileIndex: 0xffffffff}},
		{"recv", func(s *SQE) { s.PrepRecv(7, prepBuf, 0x100) },
			SQE{Opcode: OpRecv, FD: 7, Addr: buf, Len: 300, OpFlags: 0x100}},
		{"recv select", func(s *SQE) { s.PrepRecvSelect(7, 9, 100, 2) },
			SQE{Opcode: OpRecv, FD: 7, Len: 100, OpFlags: 2, BufIG: 9, Flags: sel}},
		{"recv multishot", func(s *SQE) { s.PrepRecvMultishot(7, 9) },
			SQE{Opcode: OpRecv, FD: 7, Ioprio: 2, BufIG: 9, Flags: sel}},
		{"recv multishot bundle", func(s *SQE) { s.PrepRecvMultishotBundle(7, 9) },
			SQE{Opcode: OpRecv, FD: 7, Ioprio: 2 | 16, BufIG: 9, Flags: sel}},
		{"recvmsg", func(s *SQE) { s.PrepRecvMsg(7, prepMsg, 0x20) },
			SQE{Opcode: OpRecvMsg, FD: 7, Addr: msg, Len: 1, OpFlags: 0x20}},
		{"recvmsg multishot", func(s *SQE) { s.PrepRecvMsgMultishot(7, prepMsg, 9) },
			SQE{Opcode: OpRecvMsg, FD: 7, Addr: msg, Len: 1, Ioprio: 2, BufIG: 9, Flags: sel}},
	})
}

func TestPrepSend(t *testing.T) {
	buf, msg := at(&prepBuf[0]), at(prepMsg)
	toAddr := SQE{Opcode: OpSend, FD: 7, Addr: buf, Len: 300, Off: at(prepName)}
	*(*uint16)(unsafe.Add(unsafe.Pointer(&toAddr), 44)) = 28 // addr_len
	checkPrep(t, []prepCase{
		{"send", func(s *SQE) { s.PrepSend(7, prepBuf, 0x4000) },
			SQE{Opcode: OpSend, FD: 7, Addr: buf, Len: 300, OpFlags: 0x4000}},
		{"send nothing", func(s *SQE) { s.PrepSend(7, nil, 0) }, SQE{Opcode: OpSend, FD: 7}},
		{"send to", func(s *SQE) {
			s.PrepSend(7, prepBuf, 0)
			s.SetSendAddr(unsafe.Pointer(prepName), 28)
		}, toAddr},
		{"send bundle", func(s *SQE) { s.PrepSendBundle(7, 9, 0x100) },
			SQE{Opcode: OpSend, FD: 7, OpFlags: 0x100, Ioprio: 16, BufIG: 9, Flags: SQEBufferSelect}},
		{"sendmsg", func(s *SQE) { s.PrepSendMsg(7, prepMsg, 0x4000) },
			SQE{Opcode: OpSendMsg, FD: 7, Addr: msg, Len: 1, OpFlags: 0x4000}},
		{"send zc", func(s *SQE) { s.PrepSendZC(7, prepBuf, 0x4000, SendZCReportUsage) },
			SQE{Opcode: OpSendZC, FD: 7, Addr: buf, Len: 300, OpFlags: 0x4000, Ioprio: 8}},
		{"send zc fixed", func(s *SQE) { s.PrepSendZCFixed(7, prepBuf, 1, SendZCReportUsage, 6) },
			SQE{Opcode: OpSendZC, FD: 7, Addr: buf, Len: 300, OpFlags: 1, Ioprio: 8 | 4, BufIG: 6}},
		{"sendmsg zc", func(s *SQE) { s.PrepSendMsgZC(7, prepMsg, 1) },
			SQE{Opcode: OpSendMsgZC, FD: 7, Addr: msg, Len: 1, OpFlags: 1}},
		{"sendmsg zc fixed", func(s *SQE) { s.PrepSendMsgZCFixed(7, prepMsg, 1, 6) },
			SQE{Opcode: OpSendMsgZC, FD: 7, Addr: msg, Len: 1, OpFlags: 1, Ioprio: 4, BufIG: 6}},
		{"connect", func(s *SQE) { s.PrepConnect(7, unsafe.Pointer(prepName), 16) },
			SQE{Opcode: OpConnect, FD: 7, Addr: at(prepName), Off: 16}},
		{"bind", func(s *SQE) { s.PrepBind(7, unsafe.Pointer(prepName), 16) },
			SQE{Opcode: OpBind, FD: 7, Addr: at(prepName), Off: 16}},
		{"listen", func(s *SQE) { s.PrepListen(7, 128) }, SQE{Opcode: OpListen, FD: 7, Len: 128}},
		{"shutdown", func(s *SQE) { s.PrepShutdown(7, 2) }, SQE{Opcode: OpShutdown, FD: 7, Len: 2}},
		{"socket", func(s *SQE) { s.PrepSocket(2, 1, 6) },
			SQE{Opcode: OpSocket, FD: 2, Off: 1, Len: 6}},
		{"socket direct", func(s *SQE) { s.PrepSocketDirect(2, 1, 6, 0) },
			SQE{Opcode: OpSocket, FD: 2, Off: 1, Len: 6, FileIndex: 1}},
	})
}

func TestPrepFile(t *testing.T) {
	const cur = ^uint64(0)
	buf := at(&prepBuf[0])
	checkPrep(t, []prepCase{
		{"read", func(s *SQE) { s.PrepRead(7, prepBuf, -1) },
			SQE{Opcode: OpRead, FD: 7, Addr: buf, Len: 300, Off: cur}},
		{"write", func(s *SQE) { s.PrepWrite(7, prepBuf, 5<<32) },
			SQE{Opcode: OpWrite, FD: 7, Addr: buf, Len: 300, Off: 5 << 32}},
		{"read fixed", func(s *SQE) { s.PrepReadFixed(7, prepBuf, 1, 6) },
			SQE{Opcode: OpReadFixed, FD: 7, Addr: buf, Len: 300, Off: 1, BufIG: 6}},
		{"write fixed", func(s *SQE) { s.PrepWriteFixed(7, prepBuf, 1, 6) },
			SQE{Opcode: OpWriteFixed, FD: 7, Addr: buf, Len: 300, Off: 1, BufIG: 6}},
		{"readv", func(s *SQE) { s.PrepReadv(7, prepIov, 8, 1) },
			SQE{Opcode: OpReadv, FD: 7, Addr: at(&prepIov[0]), Len: 3, Off: 8, OpFlags: 1}},
		{"writev", func(s *SQE) { s.PrepWritev(7, prepIov, 8, 1) },
			SQE{Opcode: OpWritev, FD: 7, Addr: at(&prepIov[0]), Len: 3, Off: 8, OpFlags: 1}},
		{"writev fixed", func(s *SQE) { s.PrepWritevFixed(7, prepIov, 8, 1, 6) },
			SQE{Opcode: OpWritevFixed, FD: 7, Addr: at(&prepIov[0]), Len: 3, Off: 8, OpFlags: 1, BufIG: 6}},
		{"read multishot", func(s *SQE) { s.PrepReadMultishot(7, 9) },
			SQE{Opcode: OpReadMultishot, FD: 7, Off: cur, BufIG: 9, Flags: SQEBufferSelect}},
		{"openat", func(s *SQE) { s.PrepOpenat(-100, prepPath, 0x42, 0o644) },
			SQE{Opcode: OpOpenat, FD: -100, Addr: at(prepPath), Len: 0o644, OpFlags: 0x42}},
		{"openat direct", func(s *SQE) { s.PrepOpenatDirect(-100, prepPath, 0, 0, 5) },
			SQE{Opcode: OpOpenat, FD: -100, Addr: at(prepPath), FileIndex: 6}},
		{"fsync", func(s *SQE) { s.PrepFsync(7, FsyncDatasync) },
			SQE{Opcode: OpFsync, FD: 7, OpFlags: 1}},
		{"files update", func(s *SQE) { s.PrepFilesUpdate(prepFDs, 2) },
			SQE{Opcode: OpFilesUpdate, FD: -1, Addr: at(&prepFDs[0]), Len: 5, Off: 2}},
		{"files update alloc", func(s *SQE) { s.PrepFilesUpdate(prepFDs, FileIndexAlloc) },
			SQE{Opcode: OpFilesUpdate, FD: -1, Addr: at(&prepFDs[0]), Len: 5, Off: cur}},
		{"splice", func(s *SQE) { s.PrepSplice(5, 64, 7, -1, 4096, SpliceFDInFixed) },
			SQE{Opcode: OpSplice, FD: 7, Off: cur, Addr: 64, Len: 4096, OpFlags: 1 << 31, FileIndex: 5}},
		{"tee", func(s *SQE) { s.PrepTee(5, 7, 4096, 2) },
			SQE{Opcode: OpTee, FD: 7, Len: 4096, OpFlags: 2, FileIndex: 5}},
		{"statx", func(s *SQE) { s.PrepStatx(-100, prepPath, 0x1000, 0x7ff, prepStat) },
			SQE{Opcode: OpStatx, FD: -100, Addr: at(prepPath), Off: at(prepStat), Len: 0x7ff, OpFlags: 0x1000}},
		{"unlinkat", func(s *SQE) { s.PrepUnlinkat(-100, prepPath, 0x200) },
			SQE{Opcode: OpUnlinkat, FD: -100, Addr: at(prepPath), OpFlags: 0x200}},
		{"renameat", func(s *SQE) { s.PrepRenameat(-100, prepPath, -100, &prepPath2[1], 1) },
			SQE{Opcode: OpRenameat, FD: -100, Addr: at(prepPath), Off: at(&prepPath2[1]), Len: 0xffffff9c,
				OpFlags: 1}},
		{"fallocate", func(s *SQE) { s.PrepFallocate(7, 1, 4096, 8192) },
			SQE{Opcode: OpFallocate, FD: 7, Off: 4096, Addr: 8192, Len: 1}},
		{"ftruncate", func(s *SQE) { s.PrepFtruncate(7, 99) }, SQE{Opcode: OpFtruncate, FD: 7, Off: 99}},
		{"pipe", func(s *SQE) { s.PrepPipe(prepPair, 0x80000) },
			SQE{Opcode: OpPipe, Addr: at(prepPair), OpFlags: 0x80000}},
	})
}

// TestPrepLongBuffers: a length of more than 32 bits is the longest one, not what is left of it.
func TestPrepLongBuffers(t *testing.T) {
	if strconv.IntSize < 64 {
		t.Skip("no buffer is so long here")
	}
	size := 1 << (strconv.IntSize / 2)
	long, err := unix.Mmap(-1, 0, size+1, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Munmap(long)) }()
	for name, prep := range map[string]func(*SQE, []byte){
		"read":          func(s *SQE, b []byte) { s.PrepRead(7, b, 0) },
		"write":         func(s *SQE, b []byte) { s.PrepWrite(7, b, 0) },
		"read fixed":    func(s *SQE, b []byte) { s.PrepReadFixed(7, b, 0, 1) },
		"write fixed":   func(s *SQE, b []byte) { s.PrepWriteFixed(7, b, 0, 1) },
		"recv":          func(s *SQE, b []byte) { s.PrepRecv(7, b, 0) },
		"send":          func(s *SQE, b []byte) { s.PrepSend(7, b, 0) },
		"send zc":       func(s *SQE, b []byte) { s.PrepSendZC(7, b, 0, 0) },
		"send zc fixed": func(s *SQE, b []byte) { s.PrepSendZCFixed(7, b, 0, 0, 1) },
	} {
		for _, n := range []int{maxLength + 1, size - 1, size, size + 1} {
			var s SQE
			prep(&s, long[:n])
			require.Equal(t, uint32(maxLength), s.Len, "%s of %d bytes", name, n)
		}
		var s SQE
		prep(&s, long[:maxLength-1])
		require.Equal(t, uint32(maxLength-1), s.Len, name)
	}
}

func TestPrepControl(t *testing.T) {
	ts := at(prepTS)
	checkPrep(t, []prepCase{
		{"nop", func(s *SQE) { s.PrepNop() }, SQE{Opcode: OpNop, FD: -1}},
		{"poll add", func(s *SQE) { s.PrepPollAdd(7, unix.POLLIN) },
			SQE{Opcode: OpPollAdd, FD: 7, OpFlags: pollEvents(1)}},
		{"poll multishot", func(s *SQE) { s.PrepPollMultishot(7, unix.POLLOUT) },
			SQE{Opcode: OpPollAdd, FD: 7, OpFlags: pollEvents(4), Len: 1}},
		{"poll remove", func(s *SQE) { s.PrepPollRemove(77) },
			SQE{Opcode: OpPollRemove, FD: -1, Addr: 77}},
		{"poll update", func(s *SQE) { s.PrepPollUpdate(77, 78, 4, PollUpdateEvents|PollUpdateUserData) },
			SQE{Opcode: OpPollRemove, FD: -1, Addr: 77, Off: 78, Len: 6, OpFlags: pollEvents(4)}},
		{"timeout", func(s *SQE) { s.PrepTimeout(prepTS, 3, TimeoutAbs|TimeoutBoottime) },
			SQE{Opcode: OpTimeout, FD: -1, Addr: ts, Len: 1, Off: 3, OpFlags: 5}},
		{"timeout remove", func(s *SQE) { s.PrepTimeoutRemove(77) },
			SQE{Opcode: OpTimeoutRemove, FD: -1, Addr: 77}},
		{"timeout update", func(s *SQE) { s.PrepTimeoutUpdate(prepTS, 77, TimeoutAbs) },
			SQE{Opcode: OpTimeoutRemove, FD: -1, Addr: 77, Off: ts, OpFlags: 3}},
		{"link timeout", func(s *SQE) { s.PrepLinkTimeout(prepTS, TimeoutETimeSuccess) },
			SQE{Opcode: OpLinkTimeout, FD: -1, Addr: ts, Len: 1, OpFlags: 32}},
		{"cancel", func(s *SQE) { s.PrepCancel(77, CancelAll) },
			SQE{Opcode: OpAsyncCancel, FD: -1, Addr: 77, OpFlags: 1}},
		{"cancel fd", func(s *SQE) { s.PrepCancelFD(7, CancelAll|CancelFDFixed) },
			SQE{Opcode: OpAsyncCancel, FD: 7, OpFlags: 1 | 2 | 8}},
		{"cancel op", func(s *SQE) { s.PrepCancelOp(OpRecv, CancelAll) },
			SQE{Opcode: OpAsyncCancel, FD: -1, Len: 27, OpFlags: 1 | 32}},
		{"close", func(s *SQE) { s.PrepClose(7) }, SQE{Opcode: OpClose, FD: 7}},
		{"close direct", func(s *SQE) { s.PrepCloseDirect(0) }, SQE{Opcode: OpClose, FileIndex: 1}},
		{"msg ring", func(s *SQE) { s.PrepMsgRing(7, -5, 77, MsgRingFlagsPass) },
			SQE{Opcode: OpMsgRing, FD: 7, Len: 0xfffffffb, Off: 77, OpFlags: 2}},
		{"msg ring fd", func(s *SQE) { s.PrepMsgRingFD(7, 2, 4, 77, MsgRingCQESkip) },
			SQE{Opcode: OpMsgRing, FD: 7, Addr: 1, Off: 77, Addr3: 2, FileIndex: 5, OpFlags: 1}},
		{"msg ring fd alloc", func(s *SQE) { s.PrepMsgRingFD(7, 2, FileIndexAlloc, 77, 0) },
			SQE{Opcode: OpMsgRing, FD: 7, Addr: 1, Off: 77, Addr3: 2, FileIndex: 0xffffffff}},
		{"fixed fd install", func(s *SQE) { s.PrepFixedFDInstall(3, FixedFDNoCloexec) },
			SQE{Opcode: OpFixedFDInstall, FD: 3, OpFlags: 1, Flags: SQEFixedFile}},
	})
}
