package driver

import (
	"net"
	"os"

	"github.com/headrace/headrace/buffers"
)

// Code says what an [Op] does.
type Code uint8

// The operations. Each comment names the fields that the operation reads and
// what its Result carries.
const (
	// Invalid is the zero Code; submitting it panics.
	Invalid Code = iota

	// Accept takes connections from a listening Socket, repeating.
	// Result: Socket, More. A lack of descriptors or memory (EMFILE, ENFILE,
	// ENOBUFS, ENOMEM) is final; the pending connection stays in the backlog and
	// the owner submits again when it wants to try again.
	Accept

	// Connect makes a connection to Remote, from Local if that is not nil.
	// Control, if not nil, is called with the descriptor before connecting.
	// Result: Socket. On error there is no socket left behind.
	Connect

	// Recv receives into chunks of the engine's choice, repeating.
	// Result: Chunk (owned by the receiver, never empty), More; or final with
	// Err io.EOF when the peer sent its FIN.
	// When the engine has no buffers it waits for some and goes on by itself.
	Recv

	// RecvInto receives into Buf once: at least one byte, or exactly len(Buf) if
	// Full is set (less only with an error, N then tells what arrived).
	// No Recv may be in flight on the same Socket.
	// Result: N, Err io.EOF at the end of the stream.
	RecvInto

	// Send sends from the front of Chain. Result: N > 0 bytes the kernel took,
	// perhaps fewer than the chain holds, or Err.
	// The owner may append to the chain meanwhile, and do nothing else to it.
	// One Send, SendFile or SendPipe may be in flight per Socket.
	Send

	// SendFile sends up to Len bytes of File from offset Off, without their
	// passing through the program where the system can do it.
	// Result: N > 0 bytes taken, perhaps fewer than Len; or Err, which is
	// io.ErrUnexpectedEOF when the file ended at Off.
	// A file that is not in the page cache does not block the loop.
	// With [Caps.FileHead], what Chain holds goes before the file's bytes, in the
	// same packets where that can be done; N counts it first.
	SendFile

	// RecvPipe moves up to Len bytes, once, from Socket into a pipe that is taken from
	// Pipes when they are there. No Recv may be in flight on the same Socket.
	// Result: N > 0, and Pipe is the owner's; or Err and no pipe, which is io.EOF at
	// the end of the stream, or what TakePipe said. See [Splicer].
	RecvPipe

	// SendPipe moves up to Len bytes, which must be there, to Socket from Pipe. It
	// counts as a Send.
	// Result: N > 0 bytes, perhaps fewer than Len, or Err. See [Splicer].
	SendPipe

	// ReadAt reads from File at Off into Buf. Result: N, Err io.EOF at the end.
	ReadAt

	// WriteAt writes the front of Chain to File at Off. Result: N > 0 or Err;
	// a short write is completed by submitting the rest.
	WriteAt

	// Fsync flushes File to its device; data only if DataOnly is set.
	Fsync

	// RecvFrom receives datagrams, repeating. Result: Chunk, More and Msg, whose
	// fields are valid during Complete only. A datagram that is longer than Len (0
	// for what a chunk of Config.RecvBufferSize holds, or nearly) may be cut, which
	// Msg.Truncated tells. Chunk may be empty: so may a datagram.
	RecvFrom

	// SendTo sends Chain as one datagram, or as several of Segment bytes each
	// where [Caps.SegmentOffload] is set, to Remote (nil on a connected socket),
	// with OOB as control messages. Result: N, all or nothing.
	SendTo

	// Close ends Socket: see the package comment. With Abort set the peer gets a
	// reset where the protocol has one. Result: Err of close(2), if any.
	// An Accept on a listener that others may hold, too (Control showed it), first
	// delivers the connections that only this engine was told of.
	Close

	// CodeCount is the number of codes, for tables indexed by Code.
	CodeCount
)

var codeNames = [CodeCount]string{
	"invalid", "accept", "connect", "recv", "recv into", "send", "sendfile", "recv to pipe", "send from pipe",
	"read at", "write at", "fsync", "recvfrom", "sendto", "close",
}

// String returns the name of the operation, in lower case.
func (c Code) String() string {
	if c < CodeCount {
		return codeNames[c]
	}
	return "unknown"
}

// Socket names a socket of one engine. What the number means is the engine's
// business: a descriptor, an index. Zero is a valid Socket; [NoSocket] is not.
type Socket int32

// NoSocket is no socket.
const NoSocket Socket = -1

// Op is the record of one operation. The caller owns it until Submit and again
// from its final completion; it must stay reachable in between, which being
// submitted ensures. Records are reused freely, also for another Code.
type Op struct {
	// State is the engine's, from Submit to the final completion.
	State OpState

	Code  Code
	Owner Completer

	Socket Socket
	Buf    []byte         // RecvInto, ReadAt
	Chain  *buffers.Chain // Send, WriteAt, SendTo, SendFile

	// Ext holds the fields of the rarer operations, so that the records inside an
	// idle connection stay small. Nil is fine for operations that need none.
	Ext *Ext

	Full  bool // RecvInto: all of Buf
	Abort bool // Close: reset the connection
	Bulk  bool // Send, SendFile: hint, a large transfer; zero-copy may pay
}

// Ext carries the arguments of operations on files, addresses and datagrams.
type Ext struct {
	File     *os.File // SendFile, ReadAt, WriteAt, Fsync
	Off      int64
	Len      int64 // RecvFrom, RecvPipe, SendPipe too
	Pipes    Pipes // RecvPipe
	Pipe     Pipe  // RecvPipe sets it, SendPipe
	DataOnly bool  // Fsync: fdatasync(2)

	Local   net.Addr // Connect
	Remote  net.Addr // Connect, SendTo
	Control func(fd uintptr) error
	OOB     []byte // SendTo
	Segment int    // SendTo: bytes per datagram, 0 for one datagram
}

// OpState is where an engine finds its own record of an operation.
type OpState struct {
	Slot uint32
	Gen  uint32
	// Flight is not zero from Submit to the final completion. The values above
	// one are the engine's.
	Flight uint8
	// Aux is free for the engine.
	Aux uint8
}

// InFlight tells whether the engine owns the record.
func (op *Op) InFlight() bool { return op.State.Flight != 0 }

// Completer receives the completions of the operations it owns, on the loop's
// goroutine, from inside Poll. The Result is the engine's and valid during the
// call. Complete may submit and cancel operations; it must not call Poll.
type Completer interface {
	Complete(op *Op, r *Result)
}

// Result is one completion.
type Result struct {
	N      int
	Err    error
	Chunk  *buffers.Chunk // Recv, RecvFrom: owned by the receiver
	Socket Socket         // Accept, Connect: owned by the receiver
	More   bool           // further completions of this operation follow
	Copied bool           // Send: a zero-copy send was copied after all
	Msg    *Msg           // RecvFrom
}

// Msg is what came with a datagram.
type Msg struct {
	Remote    net.Addr
	OOB       []byte // control messages, as recvmsg(2) gave them
	Truncated bool   // the datagram was longer than its chunk
	OOBCut    bool   // control messages were cut
	Segment   int    // GRO: bytes per datagram in the chunk, 0 when it is one
}
