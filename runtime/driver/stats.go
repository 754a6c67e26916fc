package driver

import "time"

// Stats are the counters of an engine since it was opened.
type Stats struct {
	Enters      uint64 // system calls that submit or wait
	Submitted   uint64 // SQEs, or operations started on a readiness engine
	Completed   uint64 // CQEs, or operations ended
	NoBuffers   uint64 // receives that had to wait for buffers (ENOBUFS)
	Overflows   uint64 // completions that found the completion queue full
	Canceled    uint64 // operations that ended with ErrCanceled
	ShortSends  uint64 // sends that took less than was asked
	Wakes       uint64 // system calls made to wake the engine
	Parks       uint64 // waits in Go's netpoller, not in a system call
	Batches     uint64 // waits for more than the first completion that comes
	FileJobs    uint64 // jobs given to helper threads
	ZeroCopies  uint64 // zero-copy sends
	ZeroCopied  uint64 // of these, copied by the kernel after all
	Fixed       uint64 // operations on registered memory
	Registered  int64  // bytes of memory registered with the kernel now
	BytesIn     uint64 // received
	BytesOut    uint64 // sent
	InFlight    int    // operations the engine owns now
	SocketsOpen int    // sockets the engine owns now
	InKernel    time.Duration
}

// Add adds o to s, counter by counter.
func (s *Stats) Add(o *Stats) {
	s.Enters += o.Enters
	s.Submitted += o.Submitted
	s.Completed += o.Completed
	s.NoBuffers += o.NoBuffers
	s.Overflows += o.Overflows
	s.Canceled += o.Canceled
	s.ShortSends += o.ShortSends
	s.Wakes += o.Wakes
	s.Parks += o.Parks
	s.Batches += o.Batches
	s.FileJobs += o.FileJobs
	s.ZeroCopies += o.ZeroCopies
	s.ZeroCopied += o.ZeroCopied
	s.Fixed += o.Fixed
	s.Registered += o.Registered
	s.BytesIn += o.BytesIn
	s.BytesOut += o.BytesOut
	s.InFlight += o.InFlight
	s.SocketsOpen += o.SocketsOpen
	s.InKernel += o.InKernel
}
