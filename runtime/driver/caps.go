package driver

// Caps tells what an engine instance can do. The runtime's size policy reads it.
type Caps struct {
	// Name is io_uring, epoll or portable.
	Name string
	// LockThread asks for a loop goroutine that is locked to its OS thread.
	LockThread bool
	// ReusePort: listening sockets can share a port, one queue per loop.
	ReusePort bool
	// LateRelease: the ports of a process that is killed stay taken for some moments
	// after its end.
	LateRelease bool
	// Attach: sockets can move between engines of this kind.
	Attach bool
	// SendFile: file bytes reach the socket without passing through the program.
	SendFile bool
	// FileHead: SendFile takes a Chain that goes before the file.
	FileHead bool
	// ZeroCopySend: Send with Bulk set may leave out the copy into the kernel.
	ZeroCopySend bool
	// ReadNow: files in the page cache can be read on the loop without blocking
	// (see [ReadNower]).
	ReadNow bool
	// SegmentOffload: SendTo takes Segment (UDP_SEGMENT).
	SegmentOffload bool
	// MaxSegments is how many pieces of memory one Send gathers.
	MaxSegments int
	// Features lists the optional kernel features in use, by probe name.
	Features []string
}
