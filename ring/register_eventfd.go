//go:build linux

package ring

import "unsafe"

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
