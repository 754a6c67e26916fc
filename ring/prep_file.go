//go:build linux

package ring

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// In this file an offset of -1 means the file's current position (FeatRWCurPos, 5.6), and is what pipes and
// sockets want. Paths are zero-terminated, as unix.BytePtrFromString makes them.

// PrepRead reads into buf (io_uring_prep_read, 5.6). A short result is no error; zero is the end of the file.
// At most 0x7ffff000 bytes are read at once, as by read(2).
func (s *SQE) PrepRead(fd int, buf []byte, off int64) {
	s.prep(OpRead, fd, addressOf(buf), lengthOf(buf), uint64(off))
}

// PrepWrite writes buf (io_uring_prep_write, 5.6), at most 0x7ffff000 bytes of it at once, as write(2).
func (s *SQE) PrepWrite(fd int, buf []byte, off int64) {
	s.prep(OpWrite, fd, addressOf(buf), lengthOf(buf), uint64(off))
}

// PrepReadFixed is PrepRead into registered buffer bufIndex, within which buf must lie
// (io_uring_prep_read_fixed, 5.1).
func (s *SQE) PrepReadFixed(fd int, buf []byte, off int64, bufIndex uint16) {
	s.PrepRead(fd, buf, off)
	s.Opcode = OpReadFixed
	s.BufIG = bufIndex
}

// PrepWriteFixed is PrepWrite out of registered buffer bufIndex, within which buf must lie
// (io_uring_prep_write_fixed, 5.1).
func (s *SQE) PrepWriteFixed(fd int, buf []byte, off int64, bufIndex uint16) {
	s.PrepWrite(fd, buf, off)
	s.Opcode = OpWriteFixed
	s.BufIG = bufIndex
}

// PrepReadv is preadv2(2) (io_uring_prep_readv2, 5.1). iovecs is read when the entry is submitted. flags are
// RWF_ flags.
func (s *SQE) PrepReadv(fd int, iovecs []unix.Iovec, off int64, flags int) {
	s.prep(OpReadv, fd, address(unsafe.Pointer(unsafe.SliceData(iovecs))), uint32(len(iovecs)), uint64(off))
	s.OpFlags = uint32(flags)
}

// PrepWritev is pwritev2(2) (io_uring_prep_writev2, 5.1). iovecs is read when the entry is submitted.
func (s *SQE) PrepWritev(fd int, iovecs []unix.Iovec, off int64, flags int) {
	s.PrepReadv(fd, iovecs, off, flags)
	s.Opcode = OpWritev
}

// PrepWritevFixed is PrepWritev with all iovecs inside registered buffer bufIndex
// (io_uring_prep_writev_fixed, 6.15).
func (s *SQE) PrepWritevFixed(fd int, iovecs []unix.Iovec, off int64, flags int, bufIndex uint16) {
	s.PrepWritev(fd, iovecs, off, flags)
	s.Opcode = OpWritevFixed
	s.BufIG = bufIndex
}

// PrepReadMultishot reads into buffers of group bgid until the end, an error, an empty group or a cancel
// (io_uring_prep_read_multishot, 6.7). For pipes, terminals and eventfds: EBADFD when fd can not be polled.
func (s *SQE) PrepReadMultishot(fd int, bgid uint16) {
	s.prep(OpReadMultishot, fd, 0, 0, ^uint64(0))
	s.selectFrom(bgid)
}

// PrepOpenat is openat(2) (io_uring_prep_openat, 5.6); the result is the descriptor. path is read when the
// entry is submitted.
func (s *SQE) PrepOpenat(dirfd int, path *byte, flags int, mode uint32) {
	s.prep(OpOpenat, dirfd, address(unsafe.Pointer(path)), mode, 0)
	s.OpFlags = uint32(flags)
}

// PrepOpenatDirect is PrepOpenat into a slot of the registered files, or FileIndexAlloc
// (io_uring_prep_openat_direct, 5.15). flags must not hold O_CLOEXEC.
func (s *SQE) PrepOpenatDirect(dirfd int, path *byte, flags int, mode, slot uint32) {
	s.PrepOpenat(dirfd, path, flags, mode)
	s.setDirect(slot)
}

// FsyncDatasync makes PrepFsync an fdatasync(2) (IORING_FSYNC_DATASYNC, 5.1).
const FsyncDatasync uint32 = 1

// PrepFsync is fsync(2) (io_uring_prep_fsync, 5.1). It does not wait for writes queued beside it: link them.
func (s *SQE) PrepFsync(fd int, flags uint32) {
	s.prep(OpFsync, fd, 0, 0, 0)
	s.OpFlags = flags
}

// PrepFilesUpdate sets the slots of the registered files from slot on; the result is how many
// (io_uring_prep_files_update, 5.6). -1 empties a slot. fds belongs to the kernel until the completion, and
// with FileIndexAlloc as slot receives the slots chosen.
func (s *SQE) PrepFilesUpdate(fds []int32, slot uint32) {
	off := uint64(slot)
	if slot == FileIndexAlloc {
		off = ^uint64(0)
	}
	s.prep(OpFilesUpdate, -1, address(unsafe.Pointer(unsafe.SliceData(fds))), uint32(len(fds)), off)
}

// SpliceFDInFixed in the flags of PrepSplice and PrepTee makes fdIn a slot (SPLICE_F_FD_IN_FIXED, 5.7).
const SpliceFDInFixed = uint32(1) << 31

// PrepSplice is splice(2) (io_uring_prep_splice, 5.7). One of the two must be a pipe, with offset -1. It
// always runs on a worker thread of the kernel and never polls: a full O_NONBLOCK socket answers EAGAIN.
func (s *SQE) PrepSplice(fdIn int, offIn int64, fdOut int, offOut int64, n, flags uint32) {
	s.prep(OpSplice, fdOut, uint64(offIn), n, uint64(offOut))
	s.FileIndex = uint32(int32(fdIn))
	s.OpFlags = flags
}

// PrepTee is tee(2), from pipe to pipe (io_uring_prep_tee, 5.8). It always runs on a worker thread.
func (s *SQE) PrepTee(fdIn, fdOut int, n, flags uint32) {
	s.prep(OpTee, fdOut, 0, n, 0)
	s.FileIndex = uint32(int32(fdIn))
	s.OpFlags = flags
}

// PrepStatx is statx(2) (io_uring_prep_statx, 5.6). path is read when the entry is submitted; the kernel
// writes to st until the completion.
func (s *SQE) PrepStatx(dirfd int, path *byte, flags int, mask uint32, st *unix.Statx_t) {
	s.prep(OpStatx, dirfd, address(unsafe.Pointer(path)), mask, address(unsafe.Pointer(st)))
	s.OpFlags = uint32(flags)
}

// PrepUnlinkat is unlinkat(2) (io_uring_prep_unlinkat, 5.11). path is read when the entry is submitted.
func (s *SQE) PrepUnlinkat(dirfd int, path *byte, flags int) {
	s.prep(OpUnlinkat, dirfd, address(unsafe.Pointer(path)), 0, 0)
	s.OpFlags = uint32(flags)
}

// PrepRenameat is renameat2(2) (io_uring_prep_renameat, 5.11). Both paths are read when the entry is
// submitted.
func (s *SQE) PrepRenameat(oldDirfd int, oldPath *byte, newDirfd int, newPath *byte, flags uint32) {
	s.prep(OpRenameat, oldDirfd, address(unsafe.Pointer(oldPath)), uint32(int32(newDirfd)),
		address(unsafe.Pointer(newPath)))
	s.OpFlags = flags
}

// PrepFallocate is fallocate(2) (io_uring_prep_fallocate, 5.6).
func (s *SQE) PrepFallocate(fd int, mode uint32, off, n int64) {
	s.prep(OpFallocate, fd, uint64(n), mode, uint64(off))
}

// PrepFtruncate is ftruncate(2) (io_uring_prep_ftruncate, 6.9).
func (s *SQE) PrepFtruncate(fd int, size int64) {
	s.prep(OpFtruncate, fd, 0, 0, uint64(size))
}

// PrepPipe is pipe2(2) (io_uring_prep_pipe, 6.16). The kernel writes the two descriptors to fds until the
// completion.
func (s *SQE) PrepPipe(fds *[2]int32, flags int) {
	s.prep(OpPipe, 0, address(unsafe.Pointer(fds)), 0, 0)
	s.OpFlags = uint32(flags)
}
