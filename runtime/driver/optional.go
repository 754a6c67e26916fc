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

// Splicer moves bytes from socket to socket inside the kernel, by [RecvPipe] and
// [SendPipe]. Other engines answer these with errors.ErrUnsupported.
type Splicer interface {
	// OpenPipe makes an empty pipe that does not block.
	OpenPipe() (Pipe, error)
	// ClosePipe closes both ends. No operation on it may be in flight.
	ClosePipe(p Pipe)
}

// Pipe is a pipe between two sockets: descriptors of its ends. Its bytes live in the
// kernel, where nothing but [SendPipe] gets at them.
type Pipe struct{ R, W int }

// Pipes lends pipes to [RecvPipe], which asks when there is something to move, or seems
// to be: a few serve many sockets. The engine calls it from Poll and Submit.
type Pipes interface {
	// TakePipe returns an empty pipe.
	TakePipe() (Pipe, error)
	// GivePipe takes back one that is still empty.
	GivePipe(p Pipe)
}

// Trimmer gives back what an engine holds for speed alone, such as memory that is
// registered with the kernel. It is called when a loop has been idle for a while.
type Trimmer interface{ Trim() }

// Unsenter looks at what the kernel has yet to send: how a slow peer is told from a dead
// one.
type Unsenter interface {
	Unsent(s Socket) (Unsent, error)
}

// Unsent is the state of a socket's send queue in the kernel.
type Unsent struct {
	// Bytes is what the peer has not acknowledged (SIOCOUTQ), or not received where
	// nothing is acknowledged.
	Bytes int
	// Acked is what the peer has acknowledged since the connection began (TCP_INFO,
	// Linux 4.1), zero where the system does not tell. A queue that is filled up again
	// as the peer takes from it can look the same each time; this moves.
	Acked uint64
}
