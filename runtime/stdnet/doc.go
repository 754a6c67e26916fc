// Package stdnet is package net's listeners, connections and dialer over a
// runtime, for programs that exist: net/http, gRPC, crypto/tls, database drivers
// and whatever else takes a net.Listener, a net.Conn or a DialContext.
//
//	ln, err := stdnet.Listen(ctx, rt, "tcp", ":8080")
//	http.Serve(ln, mux)
//
// # Where connections are
//
// A connection begins in Go's own netpoller, as package net's do, where a single
// one is served best. When many connections of one loop are active at once, they
// move to the loop, where they are received from and sent to in batches, one system
// call for all; when it is quiet again they move back, and so does one that carries
// much: reads of 2 KiB, writes of 12. A connection moves inside
// one of its Read calls, when no other call has it, with its deadlines and options
// and without losing a byte. [Mode] pins them to one side. On the portable engine,
// which has nothing to offer them, they stay where they begin.
//
// Half of the runtime's loops serve these connections, rounded up: the goroutines
// that read and write do the other half of the work.
//
// # What differs from package net
//
// Errors, addresses, deadlines and the order of things are package net's; the
// tests run each case on both. While a connection is on a loop:
//
//	call             package net                     here
//	Write            the bytes are with the kernel   or in the connection's queue, of up to 256 KiB
//	                 an error is the call's own      or that of an earlier Write
//	                 one that fails ends writing     and reading, with an error: what the kernel still had of
//	                                                 the peer's is lost
//	Close            the kernel sends what is left   after up to 100 ms for the queue to get there, the loop
//	                                                 sends what is left, for runtime.Config.LingerTimeout
//	                 unread bytes reset the peer     only those that the kernel still has
//	SetLinger(>0)    Close waits for the peer        the queue goes first
//	Read             the kernel holds what is unread and so does the connection, up to about 256 KiB
//	SyscallConn      the descriptor                  Control has a duplicate of it; Read and Write take the
//	                                                 connection to the netpoller for good, once what is queued
//	                                                 has left, and do not see what it holds; on the portable
//	                                                 engine, in Mode Loop, they are errors.ErrUnsupported; all
//	                                                 fail, as File does, when the peer has reset the connection
//	File             at once                         takes the connection to the netpoller for good, too; on the
//	                                                 portable engine, in Mode Loop, the loop goes on reading
//	CloseRead        what comes later can be read    it can not
//	ReadFrom (file)  what it returns is sent         or queued, up to 384 KiB; a file that is cut meanwhile,
//	                                                 or can not be read, ends the connection
//	                 errors are of Op "readfrom"     of Op "write", as are those of WriteBuffers; those of
//	                                                 WriteTo are of Op "read"
//
// And anywhere:
//
//   - The types are *[TCPConn] and *[UnixConn]: code that asserts *net.TCPConn has to
//     assert an interface. UnixConn has the methods for streams, without
//     ReadMsgUnix and WriteMsgUnix: descriptors are passed through SyscallConn, or on
//     connections of package net. Its ReadFrom is io.ReaderFrom's; those for datagrams,
//     ReadFromUnix and WriteToUnix, it has not. A listener is a *[Listener], without
//     AcceptTCP and AcceptUnix; a Dialer has no DialTCP and its like, no SetMultipathTCP
//     and no Cancel.
//   - runtime.Config's MaxConns, IdleTimeout, WriteTimeout and KeepAlive are not for these
//     connections: http.Server's time-outs are, deadlines, and the fields of
//     [ListenConfig] and [Dialer]. Nor do the runtime's statistics count those that are
//     in the netpoller.
//   - net.Buffers.WriteTo writes piece by piece, for it knows package net's own types
//     alone; WriteBuffers gathers.
//   - MultipathTCP is false: listeners and dialers take plain TCP. Of a listener that
//     was inherited (FileListener) and takes it, the answer is not asked for.
//   - A connection that is forgotten, not closed, is closed by the garbage collector
//     only while it is in the netpoller.
//   - Runtime.Close ends the connections that are on loops, with a reset. Shut down their
//     server first, then the runtime, so that what was written leaves: Runtime.Shutdown
//     waits for them. Listeners go on, and so do connections in the netpoller.
//   - No method may be called on a loop, which it may wait for.
//   - File keeps the connection in the netpoller.
package stdnet
