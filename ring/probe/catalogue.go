package probe

import "slices"

// The ids of the features that Decide and the engines name. They are stable.
const (
	FeatNop              = "nop"
	FeatFastPoll         = "fast_poll"
	FeatExtArg           = "ext_arg"
	FeatSendRecv         = "send_recv"
	FeatConnect          = "connect"
	FeatCancelFD         = "cancel_fd"
	FeatAcceptMultishot  = "accept_multishot"
	FeatPbufRing         = "pbuf_ring"
	FeatRecvMultishot    = "recv_multishot"
	FeatRecvmsgMultishot = "recvmsg_multishot"

	FeatCQSize       = "cqsize"
	FeatSubmitAll    = "submit_all"
	FeatCoopTaskrun  = "coop_taskrun"
	FeatSingleIssuer = "single_issuer"
	FeatDeferTaskrun = "defer_taskrun"
	FeatNoSQArray    = "no_sqarray"

	FeatRegisteredBuffers = "registered_buffers"
	FeatRestrictions      = "restrictions"
	FeatIOWQMaxWorkers    = "iowq_max_workers"
	FeatCQESkip           = "cqe_skip"
	FeatRingFD            = "registered_ring_fd"
	FeatSparseFiles       = "sparse_files"
	FeatSyncCancel        = "sync_cancel"
	FeatSendZC            = "send_zc"
	FeatSendmsgZC         = "sendmsg_zc"
	FeatZCReportUsage     = "zc_report_usage"
	FeatFixedFDInstall    = "fixed_fd_install"
	FeatRecvBundle        = "recv_bundle"
	FeatSendBundle        = "send_bundle"
	FeatPbufInc           = "pbuf_inc"
	FeatMinWait           = "min_wait"
	FeatMsgRingSync       = "msg_ring_sync"
	FeatNoIowait          = "no_iowait"
	FeatQuery             = "query"
)

const (
	manSetup    = "io_uring_setup(2)"
	manEnter    = "io_uring_enter(2)"
	manRegister = "io_uring_register(2)"
)

// catalogue is every feature in the order in which it is printed: the required
// ones, the setup flags, then the rest, each group by first kernel. Since is where
// the source says; docs/kernels.md holds it against kernels that were run.
var catalogue = []Feature{
	{ID: FeatNop, Name: "round trip of a no-op", Required: true, Since: Version{5, 1, 0},
		Source: manEnter, Use: "proof that setup, register and enter work together"},
	{ID: FeatFastPoll, Name: "internal poll", Required: true, Since: Version{5, 7, 0},
		Source: manSetup, Use: "sockets wait without a worker thread"},
	{ID: FeatExtArg, Name: "time-out in enter", Required: true, Since: Version{5, 11, 0},
		Source: manEnter, Use: "one system call submits and waits for the nearest timer"},
	{ID: FeatSendRecv, Name: "send and recv", Required: true, Since: Version{5, 6, 0},
		Source: manEnter, Use: "bytes out, and into the caller's memory"},
	{ID: FeatConnect, Name: "connect", Required: true, Since: Version{5, 5, 0},
		Source: manEnter, Use: "Dial"},
	{ID: FeatCancelFD, Name: "cancel by descriptor", Required: true, Since: Version{5, 19, 0},
		Source: "io_uring_prep_cancel(3)", Use: "Close and deadlines end all that is in flight on a socket"},
	{ID: FeatAcceptMultishot, Name: "multishot accept", Required: true, Since: Version{5, 19, 0},
		Source: "io_uring_prep_accept(3)", Use: "one entry per listener"},
	{ID: FeatPbufRing, Name: "buffer ring", Required: true, Since: Version{5, 19, 0},
		Source: manRegister, Use: "no memory held by an idle connection"},
	{ID: FeatRecvMultishot, Name: "multishot recv over a buffer ring", Required: true, Since: Version{6, 0, 0},
		Source: "io_uring_prep_recv(3)", Use: "one entry per connection"},
	{ID: FeatRecvmsgMultishot, Name: "multishot recvmsg", Required: true, Since: Version{6, 0, 0},
		Source: "io_uring_prep_recvmsg(3)", Use: "one entry per datagram socket"},

	{ID: FeatCQSize, Name: "CQSIZE", Since: Version{5, 5, 0},
		Source: "Linux 5.5 (no manual)", Use: "room for bursts of completions"},
	{ID: FeatSubmitAll, Name: "SUBMIT_ALL", Since: Version{5, 18, 0},
		Source: manSetup, Use: "one bad entry does not hold up the rest"},
	{ID: FeatCoopTaskrun, Name: "COOP_TASKRUN", Since: Version{5, 19, 0},
		Source: manSetup, Use: "no interrupts, where DEFER_TASKRUN is missing"},
	{ID: FeatSingleIssuer, Name: "SINGLE_ISSUER", Since: Version{6, 0, 0},
		Source: manSetup, Use: "cheaper locking: one thread per ring"},
	{ID: FeatDeferTaskrun, Name: "DEFER_TASKRUN", Since: Version{6, 1, 0},
		Source: manSetup, Use: "completions run in batches, inside enter"},
	{ID: FeatNoSQArray, Name: "NO_SQARRAY", Since: Version{6, 6, 0},
		Source: manSetup, Use: "one cache line less per entry"},

	{ID: FeatRegisteredBuffers, Name: "registered buffers", Since: Version{5, 1, 0},
		Source: manRegister, Use: "zero-copy sends, and files on request, from locked memory"},
	{ID: FeatRestrictions, Name: "restrictions", Since: Version{5, 10, 0},
		Source: manRegister, Use: "a ring that can do no more than it needs"},
	{ID: FeatIOWQMaxWorkers, Name: "cap on worker threads", Since: Version{5, 15, 0},
		Source: manRegister, Use: "file operations can not start threads without bound"},
	{ID: FeatCQESkip, Name: "skip completions of success", Since: Version{5, 17, 0},
		Source: manEnter, Use: "cancel requests complete only when they miss"},
	{ID: FeatRingFD, Name: "registered ring descriptor", Since: Version{5, 18, 0},
		Source: manRegister, Use: "cheaper enter"},
	{ID: FeatSparseFiles, Name: "sparse file table", Since: Version{5, 19, 0},
		Source: "io_uring_register_files(3)", Use: "not used: sockets keep ordinary descriptors"},
	{ID: FeatSyncCancel, Name: "synchronous cancel", Since: Version{6, 0, 0},
		Source: manRegister, Use: "not used: cancel requests go through the ring"},
	{ID: FeatSendZC, Name: "zero-copy send", Since: Version{6, 0, 0},
		Source: manEnter, Use: "large sends that leave the host"},
	{ID: FeatSendmsgZC, Name: "zero-copy sendmsg", Since: Version{6, 1, 0},
		Source: manEnter, Use: "the same, gathered"},
	{ID: FeatZCReportUsage, Name: "zero-copy usage report", Since: Version{6, 2, 0},
		Source: "Linux 6.2 (no manual)", Use: "stop zero-copy where the kernel copies anyway"},
	{ID: FeatFixedFDInstall, Name: "install a direct descriptor", Since: Version{6, 8, 0},
		Source: manEnter, Use: "not used: sockets keep ordinary descriptors"},
	{ID: FeatRecvBundle, Name: "recv bundle", Since: Version{6, 10, 0},
		Source: "io_uring_prep_recv(3)", Use: "not used: larger buffers do that, without its bugs"},
	{ID: FeatSendBundle, Name: "send bundle", Since: Version{6, 10, 0},
		Source: "io_uring_prep_send(3)", Use: "not used: sendmsg gathers"},
	{ID: FeatPbufInc, Name: "incremental buffers", Since: Version{6, 12, 0},
		Source: "io_uring_setup_buf_ring(3)", Use: "not used"},
	{ID: FeatMinWait, Name: "minimum wait", Since: Version{6, 12, 0},
		Source: manEnter, Use: "not used: under load batches come by themselves"},
	{ID: FeatMsgRingSync, Name: "message to a ring without a ring", Since: Version{6, 13, 0},
		Source: manRegister, Use: "not used: an eventfd wakes a loop in half the time"},
	{ID: FeatNoIowait, Name: "wait without iowait", Since: Version{6, 15, 0},
		Source: manEnter, Use: "an idle server does not look busy"},
	{ID: FeatQuery, Name: "query without a ring", Since: Version{6, 18, 0},
		Source: "commit c265ae75f900", Use: "information"},
}

// parts are what the io_uring engine finds out by itself, and leaves out if asked to:
// no feature of io_uring's own, or one for some sockets.
var parts = []string{"recv_multishot_unix", "udp_segment"}

// Known reports whether id names something that an engine can be asked to leave out.
func Known(id string) bool {
	return slices.Contains(parts, id) || slices.ContainsFunc(catalogue, func(f Feature) bool { return f.ID == id })
}

// Catalogue returns every feature that a report lists, in its order, with nothing
// found out. The list is a copy; the caller may keep it.
func Catalogue() []Feature { return slices.Clone(catalogue) }
