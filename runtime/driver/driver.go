package driver

import (
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/headrace/headrace/buffers"
)

// ErrCanceled is the result of an operation that ended because of
// [Engine.Cancel] or [Close]. It never reaches a user of the runtime.
var ErrCanceled = errors.New("driver: operation canceled")

// Engine is one engine instance. See the package comment for the contract.
type Engine interface {
	// Caps tells what this instance does. It does not change.
	Caps() Caps

	// Submit hands op to the engine. It panics if op is in flight already or its
	// Code is unknown, which are bugs of the caller.
	Submit(op *Op)

	// Cancel asks for op to end early. Nothing happens if it is not in flight.
	Cancel(op *Op)

	// Poll submits what was gathered, waits for at least one completion, for Wake
	// or until wait has passed (forever if negative, not at all if zero), and
	// calls Complete for all completions there are. It returns how many. It may
	// come back early with none, as after a signal.
	// An error means that the engine is broken and the loop can not go on.
	Poll(wait time.Duration) (int, error)

	// Wake ends a Poll that waits, or the next one, after BatchWait at the latest. It may be called from any
	// goroutine, also after Close. Several calls may count as one.
	Wake()

	// Close ends the engine: it cancels whatever is in flight, delivers the final
	// completions, and gives memory and descriptors back. Sockets that the caller
	// did not close are closed. Idempotent.
	Close() error

	// Stats adds the engine's counters to s.
	Stats(s *Stats)

	Sockets
}

// Sockets are the short calls on sockets that need no completion. They are
// called on the loop's goroutine and never block.
type Sockets interface {
	// Listen opens a listening socket, or a bound datagram socket.
	// Network is tcp, tcp4, tcp6, unix, unixpacket, udp, udp4, udp6 or unixgram;
	// addr is resolved already, nil meaning any.
	Listen(network string, addr net.Addr, cfg *ListenConfig) (Socket, error)

	// LocalAddr and RemoteAddr return nil when there is none.
	LocalAddr(s Socket) net.Addr
	RemoteAddr(s Socket) net.Addr

	// CloseWrite sends FIN after what was sent: shutdown(2) with SHUT_WR.
	// The owner calls it with no Send in flight.
	CloseWrite(s Socket) error

	// CloseRead makes further receives end with io.EOF.
	CloseRead(s Socket) error

	// SetOption sets a socket option. What a listener is given, the connections have
	// that it accepts from then on.
	SetOption(s Socket, opt Option, value int) error

	// Control calls f with the descriptor of s. The descriptor is valid during
	// the call. Errors.ErrUnsupported if the engine has none to show.
	Control(s Socket, f func(fd uintptr)) error

	// Detach takes s out of this engine, to be given to Attach of another engine
	// of the same kind. No operation may be in flight on it.
	Detach(s Socket) (Detached, error)

	// Attach takes in what Detach gave, or an *os.File, net.Conn, net.Listener or
	// net.PacketConn of the caller's. On success the engine owns it.
	Attach(d Detached) (Socket, error)
}

// Detached is a socket that belongs to no engine. Who holds it must Attach it
// somewhere or close it through its io.Closer.
type Detached any

// Option is a socket option, by its name in setsockopt(2) or Go's net.
type Option uint8

// The socket options. Values are booleans (0 or 1), bytes or seconds as said.
const (
	NoDelay           Option = iota // TCP_NODELAY, boolean
	KeepAlive                       // SO_KEEPALIVE, boolean
	KeepAliveIdle                   // TCP_KEEPIDLE, seconds
	KeepAliveInterval               // TCP_KEEPINTVL, seconds
	KeepAliveCount                  // TCP_KEEPCNT
	Linger                          // SO_LINGER, seconds, negative for off
	ReadBuffer                      // SO_RCVBUF, bytes
	WriteBuffer                     // SO_SNDBUF, bytes
)

// ListenConfig says how to open a listening socket.
type ListenConfig struct {
	// Backlog of listen(2); 0 is the system's maximum.
	Backlog int
	// ReusePort sets SO_REUSEPORT, so that each loop has a queue of its own.
	// Engines without [Caps.ReusePort] answer with errors.ErrUnsupported.
	ReusePort bool
	// Control is called with the descriptor before bind(2).
	Control func(fd uintptr) error
	// PacketInfo asks for destination address and interface of datagrams,
	// TOS for their ECN bits, TTL for their hop count, as control messages.
	PacketInfo, TOS, TTL bool
	// GRO lets the kernel join datagrams of one peer (UDP_GRO) where it can.
	GRO bool
}

// Config is what an engine is opened with.
type Config struct {
	// Pool is where chunks come from. Required, and closed by its owner, after
	// the engine.
	Pool *buffers.Pool
	// Logger receives rare events, never one per operation. Never nil.
	Logger *slog.Logger
	// Loop is the index of the loop, for log lines.
	Loop int

	// Entries is the size of the submission queue or event batch, a power of two.
	Entries int
	// RecvBuffers is how many chunks the engine keeps ready for receiving, a
	// power of two, and RecvBufferSize their size in bytes.
	RecvBuffers    int
	RecvBufferSize int
	// BatchWait is how long an engine that is busy moving bytes for many sockets may let
	// completions gather; zero for not at all. Portable has no use for it.
	BatchWait time.Duration
	// FileWorkers bounds the helper threads for files that could block.
	FileWorkers int

	// Disable names optional features not to use, by the names that
	// ring/probe gives them, as recv_bundle or send_zc.
	Disable []string
	// RestrictOps lets the engine forbid itself operations it does not use, where
	// the kernel can enforce that (IORING_REGISTER_RESTRICTIONS).
	RestrictOps bool
	// FixedFiles asks for registered memory in operations on files, where the kernel
	// has that.
	FixedFiles bool
}

// Open makes an engine. It is called on the loop's goroutine.
type Open func(cfg *Config) (Engine, error)
