package runtime

import (
	"net"
	"time"
)

// Hooks tell a program what happens inside a runtime: for logs, metrics, tests.
// Any may be nil. Those of connections and accepting run on the loop, as the
// methods of a [Handler] do: several loops call them at once, they must not block,
// and a panic in one is contained. They are for events that are rare beside the
// traffic; what there is to count is in [Runtime.Stats].
type Hooks struct {
	// Opened is called for every connection, accepted, dialed or adopted, before
	// its handler is asked for.
	Opened func(c *Conn)

	// Closed is called after the handler's Closed, with the same error, and once
	// for every Opened; without an error for a connection that was detached, which
	// is Opened again where it is adopted.
	Closed func(c *Conn, err error)

	// AcceptRests is called when a listener finds no descriptors or no memory for
	// a connection and will try again after delay.
	AcceptRests func(addr net.Addr, err error, delay time.Duration)

	// Panicked is called when a panic was contained. stack is its stack trace.
	Panicked func(loop int, value any, stack []byte)

	// Stalled is called when a callback has held a loop for Config.StallThreshold,
	// while it still does, and therefore from another goroutine. stack is the
	// loop's.
	Stalled func(loop int, held time.Duration, stack string)

	// StallEnded is called on the loop when the turn is over that Stalled was called
	// for, perhaps before that has returned. held is all of it, from the first
	// callback of the turn to the last.
	StallEnded func(loop int, held time.Duration)
}
