// Package ring is raw io_uring: the rings, the submission entries and the registrations, in liburing's terms.
//
// It holds no policy and starts no goroutine. A [Ring] is made by [Setup] (exactly the flags given) or [New]
// (flags the kernel refuses are peeled off). [Ring.GetSQE] hands out a zeroed entry, a Prep method fills it,
// [Ring.SubmitAndWait] gives it to the kernel and [Ring.PeekBatch] reaps what has completed. None of these
// four allocates.
//
// # Threads
//
// A Ring belongs to one goroutine at a time. With [SetupSingleIssuer] or [SetupDeferTaskrun], or after
// [Ring.RegisterRingFD], it belongs to one operating system thread: lock the goroutine to it
// (runtime.LockOSThread) before the ring is made or enabled, and keep it there until Close. Another thread
// gets EEXIST. [SyncMsgRing] is the one call that other threads may aim at a ring.
//
// # Memory
//
// An SQE carries addresses as integers, which the garbage collector does not see. Whoever prepares an SQE
// keeps everything it points to alive, in place and untouched:
//
//   - arguments (iovec arrays, msghdr, sockaddr to connect to, paths, timespecs) until the enter call that
//     consumed the SQE has returned. An SQE that enter left in the queue still counts. This needs
//     [FeatSubmitStable].
//   - data buffers, and memory that the kernel fills in (accept address, recvmsg header, name and control,
//     statx result), until the request's final completion: the one without [CQEMore].
//   - the data of a zero-copy send until its notification ([CQENotif]).
//
// Memory on a goroutine stack moves. Use mapped memory, or heap memory that is held by a long-lived
// reference; runtime.Pinner serves for single calls.
//
// # Errors
//
// Setup and register calls return an *os.SyscallError around the errno. The enter calls, which are on the
// hot path, return the bare errno; [EnterMeaning] says what each one means.
//
// The package is real on Linux, 32-bit too; elsewhere Setup and New answer with an error for which
// errors.Is(err, errors.ErrUnsupported) holds.
package ring
