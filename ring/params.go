package ring

// Params configures a ring, and after Setup tells what it got (struct io_uring_params).
type Params struct {
	Flags        SetupFlags
	SQEntries    uint32   // out: submission entries, a power of two
	CQEntries    uint32   // in with SetupCQSize, out: completion entries, a power of two
	SQThreadCPU  uint32   // in with SetupSQPoll|SetupSQAff
	SQThreadIdle uint32   // in with SetupSQPoll: milliseconds, 0 means one second
	WQFD         uint32   // in with SetupAttachWQ: the ring to share workers with
	Features     Features // out
}
