// Package uring is the io_uring engine: one ring per loop, on a locked thread.
//
// # How it works
//
// Submit puts the operation into a slot of a flat table and an SQE into the ring;
// nothing reaches the kernel before [driver.Engine.Poll], which makes one
// io_uring_enter(2) to submit everything and to wait, reaps what completed, moves
// the completion queue's head once per batch, and then calls back. The user_data
// of an SQE is the slot's generation and index, never a pointer.
//
// Results that the engine makes itself (an operation refused, a file range that
// sendfile(2) took inline, a socket closed) wait in a list of their own and are
// delivered by the same Poll that would deliver a completion.
//
// # Receiving
//
// Receives are multishot and take their memory from a ring of provided buffers,
// which are blocks lent by the loop's pool: an idle connection holds none. The
// ring is refilled once per turn. Receives that find it empty (ENOBUFS) wait in
// line and are armed again as buffers come back.
//
// # Who owns memory
//
// What an operation names is the kernel's from the enter that takes its SQE to
// its final CQE. Chunks are mapped memory. Buf of RecvInto and ReadAt is the
// caller's, on the Go heap: Go's collector does not move heap objects, the slot
// keeps the record and so the memory reachable, and a slice whose address passes
// through an interface into a record can not be on a stack. Arguments that the
// kernel copies when it takes an SQE (iovec, msghdr, sockaddr) live in an arena
// that is reused once the submission queue is empty (IORING_FEAT_SUBMIT_STABLE).
//
// # Kernels
//
// Linux 6.0 or what a vendor put into an older one: multishot receive over buffer
// rings is required and tried for real by Open. Everything newer is optional, and
// Caps.Features lists what is in use.
package uring
