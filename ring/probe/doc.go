// Package probe finds out what this kernel and this container allow of io_uring,
// says why not where they refuse, and decides which engine that means.
//
// [Run] looks by doing: a real io_uring_setup, io_uring_register and
// io_uring_enter, then a real round trip for every operation that the runtime
// builds on. It never concludes from the kernel's version, because distributions
// carry io_uring backwards and forbid it forwards; the version is read to tell a
// reader why a feature is missing, and to recognise kernels with a known bug that
// no round trip can show.
//
// [Decide] turns a [Report] into a [Decision]. The runtime calls the same two
// functions at start-up that the command ringprobe prints, so the two can not
// disagree.
//
// A feature has three states. Yes: it was seen to work. No: the kernel refused it,
// with the errno that says so. Unknown: it could not be found out, and the runtime
// does not use it.
//
// Every function is safe for concurrent use. A run takes a few milliseconds, and up to
// a fifth of a second more where RLIMIT_MEMLOCK is tight, needs no privilege, writes
// nothing, and leaves no descriptor, mapping, thread or goroutine behind. On other
// systems than Linux it says so and decides for the portable engine.
package probe
