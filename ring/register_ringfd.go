//go:build linux

package ring

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// registeredFD is the place of a ring in the table of registered rings that each thread has.
type registeredFD struct {
	tid   int // thread whose table it is; 0 when not registered
	index uint32
}

// RegisterRingFD puts the ring into the calling thread's table of registered rings, and the enter calls use
// that entry from then on, which spares a reference count per call (io_uring_register_ring_fd, 5.18).
//
// The table belongs to the operating system thread: from another thread the ring can not be entered any
// more. It has 16 places; EBUSY says that they are taken. Registering twice does nothing.
func (r *Ring) RegisterRingFD() error {
	if r.ringFD.tid != 0 {
		return nil
	}
	up := rsrcUpdate{offset: ^uint32(0), data: uint64(r.fd)}
	if _, err := r.registerCount(RegisterRingFDs, unsafe.Pointer(&up), 1); err != nil {
		return err
	}
	r.ringFD = registeredFD{tid: unix.Gettid(), index: up.offset}
	r.enterFD = uintptr(up.offset)
	r.enterFlags |= EnterRegisteredRing
	return nil
}

// UnregisterRingFD takes the ring out of the thread's table (io_uring_unregister_ring_fd, 5.18); enter calls
// use the descriptor again. On a thread other than the one that registered it leaves the entry, which goes
// when that thread exits, since the same index may be another ring here.
func (r *Ring) UnregisterRingFD() error {
	was := r.ringFD
	if was.tid == 0 {
		return nil
	}
	r.ringFD = registeredFD{}
	r.enterFD = uintptr(r.fd)
	r.enterFlags &^= EnterRegisteredRing
	if was.tid != unix.Gettid() {
		return nil
	}
	up := rsrcUpdate{offset: was.index}
	_, err := r.registerCount(UnregisterRingFDs, unsafe.Pointer(&up), 1)
	return err
}
