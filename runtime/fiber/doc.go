// Package fiber runs sequential code as coroutines on a runtime's loops.
//
// A fiber reads like a goroutine with a connection, and costs like a callback: a
// call that has to wait suspends the fiber, not the loop's thread, and the loop
// goes on with other connections.
//
//	rt.Listen(ctx, "tcp", ":8080", fiber.Serve(func(c *fiber.Conn) error {
//		r := bufio.NewReader(c)
//		for {
//			req, err := http.ReadRequest(r)
//			if err != nil {
//				return err
//			}
//			...
//		}
//	}))
//
// # What a fiber may do
//
// It runs on the loop: it must not block in anything but the methods of its
// connections, and not hold the loop for long. [Conn.Offload] runs blocking or
// slow work on an ordinary goroutine while the fiber is suspended.
// It must not call runtime.Goexit, which would end the loop, nor
// runtime.LockOSThread: Go ends a program in which a coroutine is resumed by a
// goroutine that was tied to a thread, or untied, after it was made.
//
// # Goroutines
//
// A [Conn] belongs to the fiber it was given to. All its methods are for that
// fiber; there is nothing to lock. Code that uses one connection from several
// goroutines wants package stdnet.
//
// # Writing
//
// Write queues and returns; what a fiber writes before it next waits leaves in one
// send. It waits while more than Config.UnsentHigh bytes are unsent. An error
// that happens later is returned by the next call. Close sends what is queued.
package fiber
