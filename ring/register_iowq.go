//go:build linux

package ring

import "unsafe"

// RegisterIOWQMaxWorkers caps the kernel's worker threads for this ring's thread: bounded ones for regular
// files, unbounded ones for everything else, per NUMA node (io_uring_register_iowq_max_workers, 5.15).
// Zero leaves a cap as it is. It returns the caps that held before.
//
// Workers belong to the submitting thread, not to the ring: the caps hold for all rings of the thread.
func (r *Ring) RegisterIOWQMaxWorkers(bounded, unbounded uint32) (was [2]uint32, err error) {
	caps := [2]uint32{bounded, unbounded}
	if err := r.register(RegisterIOWQMaxWorkers, unsafe.Pointer(&caps), 2); err != nil {
		return was, err
	}
	return caps, nil
}
