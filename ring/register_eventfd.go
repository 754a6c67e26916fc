//go:build linux

package ring

import (
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// RegisterEventFD makes the kernel write to an eventfd whenever it posts completions
// (io_uring_register_eventfd, 5.2). One write may stand for many, and some may be spurious.
func (r *Ring) RegisterEventFD(fd int) error {
	arg := int32(fd)
	return r.register(RegisterEventFD, unsafe.Pointer(&arg), 1)
}

// RegisterEventFDAsync is RegisterEventFD for completions that did not happen inside the enter call
// (io_uring_register_eventfd_async, 5.6).
func (r *Ring) RegisterEventFDAsync(fd int) error {
	arg := int32(fd)
	return r.register(RegisterEventFDAsync, unsafe.Pointer(&arg), 1)
}

// UnregisterEventFD ends either (io_uring_unregister_eventfd, 5.2). ENXIO: there is none.
func (r *Ring) UnregisterEventFD() error {
	return r.register(UnregisterEventFD, nil, 0)
}

// CQEventFDToggle turns the writes to a registered eventfd off and on, without a system call
// (io_uring_cq_eventfd_toggle, 5.8). They are on at first. A completion that comes while they are off makes
// none later: look at the queue after turning them on. On an older kernel the error is an ErrUnsupported.
func (r *Ring) CQEventFDToggle(enabled bool) error {
	if r.cq.flags == nil {
		return fmt.Errorf("ring: no flags of the completion queue: %w", errors.ErrUnsupported)
	}
	flags := atomic.LoadUint32(r.cq.flags) &^ cqEventFDDisabled
	if !enabled {
		flags |= cqEventFDDisabled
	}
	atomic.StoreUint32(r.cq.flags, flags)
	return nil
}

// CQEventFDEnabled reports whether a registered eventfd is written to (io_uring_cq_eventfd_enabled).
func (r *Ring) CQEventFDEnabled() bool {
	return r.cq.flags == nil || atomic.LoadUint32(r.cq.flags)&cqEventFDDisabled == 0
}
