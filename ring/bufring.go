//go:build linux

package ring

import (
	"errors"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// PBufRingFlags are the flags of a provided-buffer ring.
type PBufRingFlags uint16

// PBufRingInc lets the kernel use up a buffer piece by piece (IOU_PBUF_RING_INC, 6.12): completions carry
// CQEBufMore as long as it keeps the buffer.
const PBufRingInc PBufRingFlags = 2

// MaxBufRingEntries is the largest provided-buffer ring that the kernel takes.
const MaxBufRingEntries = 1 << 15

// BufRing is a provided-buffer ring: buffers lie there for the kernel, and a receive takes one when data is
// there (struct io_uring_buf_ring, 5.19). It is used by the goroutine that uses its Ring.
//
// The ring's memory is the BufRing's own. The buffers are the caller's: from Add until a completion
// returns the buffer ID (or, if it was never used, until Close), the kernel may write to them at any time.
type BufRing struct {
	ring *Ring
	mem  []byte
	bufs []ringBuf
	mask uint16
	tail uint16 // next place that Add fills; the kernel has seen those before the last Advance
	bgid uint16
	bid0 uint16 // buffer ID in place 0, which shares a word with the kernel's view of the tail
}

// ringBuf is struct io_uring_buf. The first one's resv is the tail of the ring.
type ringBuf struct {
	addr uint64
	len  uint32
	bid  uint16
	resv uint16
}

// bufReg is struct io_uring_buf_reg.
type bufReg struct {
	ringAddr    uint64
	ringEntries uint32
	bgid        uint16
	flags       uint16
	_           [3]uint64
}

// RegisterBufRing makes a provided-buffer ring of entries places, a power of two up to MaxBufRingEntries, as
// buffer group bgid (io_uring_setup_buf_ring, 5.19). It starts empty.
//
// EINVAL: entries is no power of two, a flag is unknown, or the kernel is too old. EEXIST: the group is
// taken. ENOMEM: no memory, or over RLIMIT_MEMLOCK, to which the ring's own memory, 16 bytes a place in whole
// pages, is charged from 6.14 on. The buffers are not.
func (r *Ring) RegisterBufRing(entries, bgid uint16, flags PBufRingFlags) (*BufRing, error) {
	if entries == 0 || entries&(entries-1) != 0 || entries > MaxBufRingEntries {
		return nil, os.NewSyscallError("io_uring_register", unix.EINVAL)
	}
	size := uintptr(entries) * unsafe.Sizeof(ringBuf{})
	mem, err := mapMemory(-1, 0, size, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, err
	}
	base := unsafe.Pointer(unsafe.SliceData(mem))
	reg := bufReg{
		ringAddr:    uint64(uintptr(base)),
		ringEntries: uint32(entries),
		bgid:        bgid,
		flags:       uint16(flags),
	}
	if err := r.register(RegisterPBufRing, unsafe.Pointer(&reg), 1); err != nil {
		return nil, errors.Join(err, unmapMemory(mem))
	}
	return &BufRing{
		ring: r, mem: mem, bufs: unsafe.Slice((*ringBuf)(base), entries), mask: entries - 1, bgid: bgid,
	}, nil
}

// Add lays a buffer into the next place (io_uring_buf_ring_add). The kernel sees it after Advance. bid comes
// back in the completion that used the buffer.
//
// There is no check for a full ring: never have more than Entries buffers out.
func (b *BufRing) Add(addr unsafe.Pointer, len uint32, bid uint16) {
	i := b.tail & b.mask
	buf := &b.bufs[i]
	buf.addr = uint64(uintptr(addr))
	buf.len = len
	if i == 0 {
		b.bid0 = bid // written with the tail, by Advance
	} else {
		buf.bid = bid
	}
	b.tail++
}

// Advance shows the kernel all buffers added since the last call (io_uring_buf_ring_advance).
func (b *BufRing) Advance() {
	// The tail is 16 bits wide and shares its word with place 0's buffer ID, which the kernel never writes:
	// one 32-bit store publishes both.
	var word uint32
	halves := (*[2]uint16)(unsafe.Pointer(&word))
	halves[0], halves[1] = b.bid0, b.tail
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&b.bufs[0].bid)), word)
}

// Entries returns the number of places.
func (b *BufRing) Entries() uint16 { return b.mask + 1 }

// BGID returns the buffer group.
func (b *BufRing) BGID() uint16 { return b.bgid }

// Tail returns the number of buffers ever added, modulo 65536.
func (b *BufRing) Tail() uint16 { return b.tail }

// Available returns how many added buffers the kernel has not taken yet (io_uring_buf_ring_available, 6.8).
// It is a system call, for diagnosis.
func (b *BufRing) Available() (int, error) {
	head, err := b.ring.RegisterPBufStatus(b.bgid)
	if err != nil {
		return 0, err
	}
	return int(b.tail - uint16(head)), nil
}

// Close unregisters the ring and frees its memory (io_uring_free_buf_ring). It is idempotent, and right
// after Ring.Close too. End the requests that use the group first: a multishot receive that finds it gone
// ends with ENOBUFS.
func (b *BufRing) Close() error {
	if b.mem == nil {
		return nil
	}
	if b.ring.fd >= 0 {
		reg := bufReg{bgid: b.bgid}
		if err := b.ring.register(UnregisterPBufRing, unsafe.Pointer(&reg), 1); err != nil {
			return err
		}
	}
	mem := b.mem
	b.mem, b.bufs = nil, nil
	return unmapMemory(mem)
}

// bufStatus is struct io_uring_buf_status.
type bufStatus struct {
	bufGroup uint32
	head     uint32
	_        [8]uint32
}

// RegisterPBufStatus returns the kernel's position in buffer group bgid, modulo 65536
// (io_uring_buf_ring_head, 6.8).
func (r *Ring) RegisterPBufStatus(bgid uint16) (head uint32, err error) {
	st := bufStatus{bufGroup: uint32(bgid)}
	if err := r.register(RegisterPBufStatus, unsafe.Pointer(&st), 1); err != nil {
		return 0, err
	}
	return st.head, nil
}
