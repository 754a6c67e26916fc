// Package driver is the contract between the runtime and an engine, as
// database/sql/driver is between database/sql and a database.
//
// An engine turns submitted operations into completions. The runtime never sees
// a readiness event, an SQE or a net.Conn. Three engines exist: runtime/uring,
// fallback/epoll and fallback/portable. Programs do not import this package;
// who writes an engine does, and proves it with drivertest.
//
// # Threads
//
// One engine instance belongs to one loop. Every method is called by that loop's
// goroutine alone, except [Engine.Wake]. When [Caps.LockThread] is set, the
// goroutine is locked to its OS thread from before Open until after Close.
//
// # Operations
//
// The caller owns the [Op] record, usually embedded in its connection, and fills
// in Code, Owner and the fields that its [Code] names. [Engine.Submit] takes the
// record; from then on the engine owns it, and all memory that it names, until
// the operation's final completion. Submit never blocks, never fails and never
// calls back: an operation that can not even be started completes with an error
// from the next Poll.
//
// The engine refers to the record in the kernel by slot and generation, never by
// pointer, so that a late completion can not reach a record that was reused.
//
// # Completions
//
// [Engine.Poll] submits everything gathered, waits for at least one completion or
// the time-out in one system call, reaps all there is, and only then calls
// Owner.Complete for each. A completion with [Result.More] set is one of several;
// the one without it is final, and the record is the caller's again, inside
// Complete already: it may submit the same record anew there.
//
// # Order
//
// Completions of one operation come in the order of the bytes. Between operations
// there is no order, with one exception: [Close] completes after every other
// operation on its socket had its final completion.
//
// # Cancel and close
//
// [Engine.Cancel] asks. The operation may still succeed; only its own final
// completion ends it, with [ErrCanceled] if the cancellation won. Memory,
// descriptors and chunks that arrive after a Cancel are delivered, never dropped.
//
// [Close] stops the socket: the engine cancels what is in flight on it, waits for
// every final completion (zero-copy notifications too), closes the descriptor and
// then completes. Submitting anything else on a socket whose Close was submitted
// completes with [net.ErrClosed].
//
// # Errors
//
// Result.Err is a bare syscall.Errno, io.EOF, [ErrCanceled], net.ErrClosed, or an
// error of package net from the portable engine. EAGAIN, EINTR and ENOBUFS of a
// buffer ring are the engine's own business and never reach the runtime.
// The runtime wraps what it hands to users.
package driver
