//go:build linux

package buffers

import "golang.org/x/sys/unix"

// adviseNoFork keeps the memory out of child processes: copy-on-write in the
// parent after a fork would part pages the kernel has pinned from those that
// the program sees. A kernel that refuses the advice loses only that guard.
func adviseNoFork(mem []byte) { _ = unix.Madvise(mem, unix.MADV_DONTFORK) }

// adviseHuge asks for transparent huge pages. Kernels built without them
// refuse, which costs speed and nothing else.
func adviseHuge(mem []byte) { _ = unix.Madvise(mem, unix.MADV_HUGEPAGE) }
