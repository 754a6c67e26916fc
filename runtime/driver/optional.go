package driver

import "os"

// The interfaces here are optional: the runtime asks for them by type assertion
// and has a path without each.

// ReadNower reads files that are in the page cache without a completion.
type ReadNower interface {
	// ReadNow reads from f at off into p, only as far as that can be done without
	// waiting for a device. It returns 0 and syscall.EAGAIN when nothing can.
	ReadNow(f *os.File, p []byte, off int64) (int, error)
}

// Unsenter tells how many bytes the kernel holds that the peer has not
// acknowledged (SIOCOUTQ): how a slow peer is told from a dead one.
type Unsenter interface {
	Unsent(s Socket) (int, error)
}
