// Package epoll is the readiness engine of Linux: it does with epoll(7) and
// non-blocking calls what runtime/uring asks the kernel to do.
//
// # How it works
//
// Every socket is registered once, edge-triggered, for everything, when it comes
// in. There is a further epoll_ctl(2) only for a socket that nobody reads from while
// bytes come, when that begins and ends, and for one that leaves while others may
// hold its descriptor. Edges set the ready flags of a socket, EAGAIN clears them,
// and an operation runs when its flag is set. A registration
// carries index and generation of the socket's entry, so that an event of a
// closed descriptor can not reach the next owner of the number.
//
// Submit queues. [driver.Engine.Poll] first tries what was submitted, then makes
// one epoll_wait(2), which waits only if nothing has completed so far, then serves
// the sockets that are ready, and then calls back.
//
// # Fairness
//
// A socket receives a few chunks a turn, a listener accepts a few connections, a
// send takes what one call takes. What is left stays in line for the next turn.
// A turn that has received about a second-level cache's worth of bytes ends, so
// that its bytes are still in the cache when they are handled.
//
// # Memory
//
// A chunk is taken from the pool when a socket is ready, and goes back at once
// if there was nothing to read: an idle connection holds none. A receive that
// finds the pool's budget spent is parked and tried again in each pass of Poll, which
// sleeps for a millisecond at most meanwhile.
//
// # Files
//
// The loop reads a file only as far as it is in the page cache. Everything that
// could wait for a device, or for another process, goes to helper goroutines,
// which are started when there is work and end when there is none. So does a close
// that lingers, to one beyond Config.FileWorkers.
package epoll
