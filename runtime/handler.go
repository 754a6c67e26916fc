package runtime

import "github.com/headrace/headrace/buffers"

// Handler is what a program gives a connection. Its methods run on the
// connection's loop, one at a time, and must not block.
type Handler interface {
	// Data is called when something was received. The handler takes from in what
	// it has use for; the rest stays and comes again with more. What it takes out
	// is its own.
	Data(c *Conn, in *buffers.Chain)

	// Closed is called once, last: after it the connection does not exist and the
	// kernel holds none of its memory. err is nil after an orderly end.
	Closed(c *Conn, err error)
}

// OpenHandler is a Handler that acts before anything was received.
type OpenHandler interface {
	Handler
	// Open is called once, first, when the handler is in place.
	Open(c *Conn)
}

// EOFHandler is a Handler that wants to know when the peer has sent all it will
// send. Without it, the end of the peer's data closes the connection once
// everything queued is sent.
type EOFHandler interface {
	Handler
	// EOF is called once, after the last Data. The connection can still send;
	// who implements EOF must Close.
	EOF(c *Conn)
}

// DrainHandler is a Handler that queues more than the peer takes, and wants to
// know when to go on.
type DrainHandler interface {
	Handler
	// Drained is called when the unsent bytes were above Config.UnsentHigh and
	// have fallen to Config.UnsentLow.
	Drained(c *Conn)
}

// ShutdownHandler is a Handler that has work to finish when the runtime shuts
// down. Without it, Shutdown closes a connection at once: what is queued is
// still sent.
type ShutdownHandler interface {
	Handler
	// Shutdown is called once. The handler must Close the connection when its
	// work is done.
	Shutdown(c *Conn)
}

// AcceptFunc makes the handler of a new connection. It runs on the connection's
// loop and may send already. Returning nil closes the connection, as Close does.
type AcceptFunc func(c *Conn) Handler
