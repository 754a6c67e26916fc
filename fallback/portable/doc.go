// Package portable is the engine on packages net and os. It runs wherever
// Go has sockets, and shows the contract of [driver.Engine] in its plainest form.
//
// Every call that may block runs on a goroutine of its own, which lives exactly
// as long as the call: a Recv has one while it waits for bytes, a Send while it
// waits for room. The goroutine posts its operation to a queue under a mutex,
// and Poll drains the queue. All other state belongs to the loop's goroutine.
// On Unix systems the loop itself writes what a socket takes at once.
//
// # Cancelling
//
// A deadline in the past ends a blocked call. The operation is over only when
// its goroutine has posted; the deadline is lifted before the next call in that
// direction. A Connect is cancelled through its context. A call on a file can
// not be interrupted; its own result stands.
//
// # Memory
//
// A Recv begins with a scratch block of 1 KiB and no memory of the pool, so that idle
// connections can not exhaust the pool for busy ones. What arrives in the block is
// copied into the smallest chunk that holds it. A read that fills its block is
// followed by reads straight into chunks of Config.RecvBufferSize, until one comes
// back short. If nothing more comes, the chunk waits in the read with it, until
// another operation finds the pool empty and has it taken back.
//
// A RecvFrom has a block of its own for the longest datagram that it takes, from
// Go's heap and for as long as it is in flight, and copies each datagram.
//
// # Files
//
// SendFile reads into a chunk and writes from it. The path that
// (*net.TCPConn).ReadFrom has to sendfile(2) starts at the file's own offset, which
// all users of an *os.File share, so that two transfers of one file would break
// each other; it is left alone.
//
// # What is missing
//
// SO_REUSEPORT, control messages that Listen would ask for, segment offload, pipes
// (RecvPipe, SendPipe), and CloseRead and CloseWrite of datagram sockets answer
// with errors.ErrUnsupported. So do socket options that package net has no method for;
// those of a listener are set on each connection that it accepts, and Detach of the
// listener forgets them. [driver.Unsenter] is there on Linux alone.
//
// The backlog of a listening socket is the system's maximum, datagrams are never
// joined (ListenConfig.GRO), Fsync writes out more than DataOnly asks for, and
// control messages of a datagram beyond 256 bytes are lost.
package portable
