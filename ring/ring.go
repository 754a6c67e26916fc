//go:build linux

package ring

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	iouring "github.com/iceber/iouring-go/syscall"
	"golang.org/x/sys/unix"
)

// Ring is one io_uring instance. It is not safe for concurrent use; see the package comment for the rule
// about threads.
type Ring struct {
	fd     int // -1 once closed
	params Params
	sq     submissionQueue
	cq     completionQueue
	maps   mappings

	enterFD    uintptr    // fd, or its index in the thread's table of registered rings
	enterFlags EnterFlags // flags of every enter call: EnterRegisteredRing
	waitFlags  EnterFlags // flags of every waiting enter call: EnterNoIOWait
	ringFD     registeredFD

	// The kernel reads these two during an enter that waits. They live here, on the heap, because wait.ts
	// holds the address of ts as an integer, and a goroutine stack may move.
	wait geteventsArg
	ts   Timespec
}

// unsupportedLayout are the flags that change the memory layout in ways this package does not read.
const unsupportedLayout = SetupSQE128 | SetupCQE32 | SetupNoMmap | SetupRegisteredFDOnly | SetupCQEMixed

var (
	errLayout     = fmt.Errorf("ring: setup flags among %v: %w", unsupportedLayout, errors.ErrUnsupported)
	errSingleMmap = fmt.Errorf("ring: kernel without IORING_FEAT_SINGLE_MMAP: %w", errors.ErrUnsupported)
)

// Setup makes a ring of at least entries submission entries with exactly the flags of p
// (io_uring_queue_init_params). Completion entries are twice that, or p.CQEntries with SetupCQSize.
//
// The error wraps the errno of io_uring_setup(2); SetupMeaning says what it means. A flag that the kernel
// does not know, or a bad combination, is EINVAL. The descriptor is close-on-exec.
func Setup(entries uint32, p Params) (*Ring, error) {
	if p.Flags&unsupportedLayout != 0 {
		return nil, errLayout
	}
	kp := iouring.IOURingParams{
		CQEntries:    p.CQEntries,
		Flags:        uint32(p.Flags),
		SQThreadCPU:  p.SQThreadCPU,
		SQThreadIdle: p.SQThreadIdle,
		WQFd:         p.WQFD,
	}
	fd, err := iouring.IOURingSetup(uint(entries), &kp)
	if err != nil {
		return nil, os.NewSyscallError("io_uring_setup", bareErrno(err))
	}
	p.SQEntries, p.CQEntries, p.Features = kp.SQEntries, kp.CQEntries, Features(kp.Features)

	r := &Ring{fd: fd, params: p, enterFD: uintptr(fd)}
	if p.Features&FeatSingleMmap == 0 {
		err = errSingleMmap
	} else {
		err = r.mapQueues(&kp)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// mapQueues maps the memory that kp describes and points the queues at it. Queue positions start from the
// kernel's, so that it serves a resized ring too.
func (r *Ring) mapQueues(kp *iouring.IOURingParams) error {
	m, err := mapRings(r.fd, kp)
	if err != nil {
		return err
	}
	r.maps = m
	base := unsafe.Pointer(unsafe.SliceData(m.rings))
	r.sq.init(base, unsafe.Pointer(unsafe.SliceData(m.sqes)), kp)
	r.cq.init(base, kp)
	return nil
}

// FD returns the ring's file descriptor, -1 once it is closed.
func (r *Ring) FD() int { return r.fd }

// Params returns what the ring was made with, as the kernel completed it.
func (r *Ring) Params() Params { return r.params }

// Flags returns the setup flags in force.
func (r *Ring) Flags() SetupFlags { return r.params.Flags }

// Features returns the feature bits that the kernel reported.
func (r *Ring) Features() Features { return r.params.Features }

// SQEntries returns the size of the submission queue, a power of two.
func (r *Ring) SQEntries() uint32 { return r.params.SQEntries }

// CQEntries returns the size of the completion queue, a power of two.
func (r *Ring) CQEntries() uint32 { return r.params.CQEntries }

// Enable starts a ring made with SetupRDisabled (io_uring_enable_rings, 5.10); for other rings it does
// nothing. With SetupSingleIssuer the calling thread becomes the one that may submit.
func (r *Ring) Enable() error {
	if r.params.Flags&SetupRDisabled == 0 {
		return nil
	}
	if err := r.register(RegisterEnableRings, nil, 0); err != nil {
		return err
	}
	r.params.Flags &^= SetupRDisabled
	return nil
}

// Close unmaps the ring and closes its descriptor (io_uring_queue_exit). It is idempotent.
//
// The kernel tears a closed ring down later, on its own time: requests still in flight may touch their
// memory after Close has returned. Cancel and reap them first. After RegisterRingFD call it on the thread
// that registered.
func (r *Ring) Close() error {
	if r.fd < 0 {
		return nil
	}
	err := errors.Join(r.UnregisterRingFD(), r.maps.unmap(), os.NewSyscallError("close", unix.Close(r.fd)))
	r.fd, r.enterFD = -1, ^uintptr(0)
	r.sq.close()
	r.cq.close()
	return err
}
