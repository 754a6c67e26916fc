// Package runtime runs connections on loops that drive an I/O engine: io_uring
// where the kernel allows it, epoll where it does not, net.Conn elsewhere.
//
// A [Runtime] has a few [Loop]s, one per core by default. Each loop is one
// goroutine on a thread of its own with one engine, one buffer pool and the
// connections that were accepted or dialed on it. Everything that belongs to a
// loop is touched by its goroutine alone, so handlers need no locks.
//
// # Handlers
//
// A server gives Listen a function that makes a [Handler] for each connection:
//
//	ln, err := rt.Listen(ctx, "tcp", ":7000", func(c *runtime.Conn) runtime.Handler { return echo{} })
//
//	func (echo) Data(c *runtime.Conn, in *buffers.Chain) { c.Send(in.TakeAll()) }
//	func (echo) Closed(c *runtime.Conn, err error)       {}
//
// Handlers must not block: sequential code belongs into package fiber, code that
// expects net.Conn into package stdnet. Both are written on this package's public
// API only.
//
// # Goroutines
//
// Methods of [Conn] and [Timer] are called on the loop's goroutine, which is where
// handlers run. Other goroutines use [Loop.Post], which is safe everywhere, as
// are the methods of [Runtime] and [Listener].
//
// # Ownership
//
// Data lends the chain to the handler; chunks that it takes out are its own, to
// send on or to release. Send takes the chain's chunks. Memory in flight belongs
// to the engine: closing a connection waits for the kernel to let go before
// Closed is called.
//
// The name collides with the standard library's package runtime. Import that one
// as goruntime, or this one under a name of your own.
package runtime
