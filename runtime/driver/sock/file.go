//go:build linux

package sock

import (
	"io"
	"os"
	goruntime "runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxTransfer is the most that one read or write moves (read(2), notes).
const maxTransfer = 0x7ffff000

// SendfileMax is the most to ask of one Sendfile on a loop. Up to there it counts as a short
// call, of which the scheduler need not know: telling it has its monitor thread take the
// processor away, again and again, where one call follows the other.
const SendfileMax = 1 << 20

// Sendfile is one sendfile(2) from f at off of up to n bytes. On a non-blocking
// socket it does not wait for the peer, but does for the device if f is not in
// the page cache: ask [Cached] first. 0 and no error is the end of the file.
func Sendfile(outfd int, f *os.File, off int64, n int) (int, error) {
	defer goruntime.KeepAlive(f)
	n = min(n, maxTransfer)
	for {
		pos := off
		written, err := sendfile(outfd, int(f.Fd()), &pos, n)
		if err == unix.EINTR {
			continue
		}
		return max(written, 0), err
	}
}

// Cached tells whether n bytes of f from off, as far as the file has them, can be
// read without waiting for a device, as well as the kernel lets it be known: who
// relies on a yes may wait all the same.
//
// It asks preadv2(2) with RWF_NOWAIT for the last byte, and cachestat(2), since Linux
// 6.5, whether all pages are there. To cachestat a page counts that readahead has
// only asked for; the last byte, which is asked for last, is there when it has come.
// Without cachestat, or where it is refused (see allPages), the first and the last
// byte answer for all between. Where the file system does not know RWF_NOWAIT,
// cachestat answers alone, and files that live in memory (tmpfs, ramfs) are cached;
// where neither call works for any other file the answer is no.
//
// The answer can age: memory pressure may drop a page right after.
func Cached(f *os.File, off, n int64) bool {
	defer goruntime.KeepAlive(f)
	if off < 0 || n <= 0 {
		return n == 0
	}
	fd := int(f.Fd())
	switch touch(fd, off+n-1) {
	case touchWait:
		return false
	case touchEnd:
		var st unix.Stat_t
		if unix.Fstat(fd, &st) != nil {
			return false
		}
		if st.Size <= off {
			return true
		}
		if st.Size < off+n {
			return Cached(f, off, st.Size-off)
		}
		return false
	case touchUnknown:
		return allPages(fd, off, n) == pagesAll || inMemory(fd)
	}
	if off>>pageShift == (off+n-1)>>pageShift {
		return true
	}
	switch allPages(fd, off, n) {
	case pagesAll:
		return true
	case pagesSome:
		return false
	}
	return touch(fd, off) == touchOK
}

// The answers of touch.
type touched uint8

const (
	touchOK      touched = iota // the byte is in memory
	touchWait                   // it is not
	touchEnd                    // there is no such byte
	touchUnknown                // the kernel or the file system can not tell
)

func touch(fd int, off int64) touched {
	var b [1]byte
	n, err := preadNow(fd, b[:], off)
	switch {
	case n == 1:
		return touchOK
	case err == nil:
		return touchEnd
	case err == unix.EAGAIN:
		return touchWait
	}
	return touchUnknown
}

// The answers of allPages.
type pages uint8

const (
	pagesAll pages = iota
	pagesSome
	pagesUnknown
)

// allPages asks cachestat(2), which refuses who could not write the file since
// the call can tell what others read.
func allPages(fd int, off, n int64) pages {
	var stat unix.Cachestat_t
	span := unix.CachestatRange{Off: uint64(off), Len: uint64(n)}
	if unix.Cachestat(uint(fd), &span, &stat, 0) != nil {
		return pagesUnknown
	}
	want := uint64((off+n-1)>>pageShift-off>>pageShift) + 1
	if stat.Cache >= want {
		return pagesAll
	}
	return pagesSome
}

// ReadNow reads from f at off into p as far as that needs no device: preadv2(2)
// with RWF_NOWAIT, since Linux 4.14. It returns 0 and EAGAIN when nothing can be
// read now, or when the file system does not let it be known; io.EOF at the end.
func ReadNow(f *os.File, p []byte, off int64) (int, error) {
	defer goruntime.KeepAlive(f)
	switch {
	case off < 0:
		return 0, unix.EINVAL // preadv2 takes -1 for the file's own position
	case len(p) == 0:
		return 0, nil
	}
	fd := int(f.Fd())
	n, err := preadNow(fd, p, off)
	if err == unix.EOPNOTSUPP || err == unix.ENOSYS {
		if allPages(fd, off, int64(len(p))) != pagesAll && !inMemory(fd) {
			return 0, unix.EAGAIN
		}
		n, err = pread(fd, p, off)
	}
	if n > 0 || err != nil {
		return max(n, 0), err
	}
	// Some kernels answered 0 for a page that is not there: ask for the size.
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, err
	}
	if off < st.Size {
		return 0, unix.EAGAIN
	}
	return 0, io.EOF
}

func pread(fd int, p []byte, off int64) (int, error) {
	for {
		n, err := unix.Pread(fd, p, off)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// preadNow is preadv2(2) with RWF_NOWAIT, without the slices of x/sys.
func preadNow(fd int, p []byte, off int64) (int, error) {
	iov := unix.Iovec{Base: &p[0]}
	iov.SetLen(min(len(p), maxTransfer))
	for {
		// The offset is in two halves: on 64 bits the second has nothing to say.
		n, _, errno := unix.Syscall6(unix.SYS_PREADV2, uintptr(fd), uintptr(unsafe.Pointer(&iov)), 1,
			uintptr(off), uintptr(uint64(off)>>32), unix.RWF_NOWAIT)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
			continue
		}
		return 0, errno
	}
}

// inMemory tells whether the file lives in memory, where reading never waits for
// a device unless it was swapped out.
func inMemory(fd int) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(fd, &st) != nil {
		return false
	}
	return uint32(st.Type) == unix.TMPFS_MAGIC || uint32(st.Type) == unix.RAMFS_MAGIC
}

var pageShift = func() int {
	shift := 0
	for 1<<shift < os.Getpagesize() {
		shift++
	}
	return shift
}()
