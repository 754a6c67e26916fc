//go:build linux

package ring

import (
	"testing"
	"unsafe"

	iouring "github.com/iceber/iouring-go/syscall"
	"github.com/stretchr/testify/require"
)

// measured is a number of <linux/io_uring.h>, and ours.
type measured struct{ want, got uint64 }

func size(want, got uintptr) measured { return measured{uint64(want), uint64(got)} }

// structSizes are the same on every architecture.
func structSizes() map[string]measured {
	return map[string]measured{
		"io_uring_sqe":              size(64, unsafe.Sizeof(SQE{})),
		"io_uring_cqe":              size(16, unsafe.Sizeof(CQE{})),
		"__kernel_timespec":         size(16, unsafe.Sizeof(Timespec{})),
		"io_uring_getevents_arg":    size(24, unsafe.Sizeof(geteventsArg{})),
		"io_uring_rsrc_register":    size(32, unsafe.Sizeof(rsrcRegister{})),
		"io_uring_rsrc_update":      size(16, unsafe.Sizeof(rsrcUpdate{})),
		"io_uring_rsrc_update2":     size(32, unsafe.Sizeof(rsrcUpdate2{})),
		"io_uring_buf":              size(16, unsafe.Sizeof(ringBuf{})),
		"io_uring_buf_reg":          size(40, unsafe.Sizeof(bufReg{})),
		"io_uring_buf_status":       size(40, unsafe.Sizeof(bufStatus{})),
		"io_uring_probe":            size(16+256*8, unsafe.Sizeof(Probe{})),
		"io_uring_probe_op":         size(8, unsafe.Sizeof(probeOp{})),
		"io_uring_restriction":      size(16, unsafe.Sizeof(Restriction{})),
		"io_uring_clone_buffers":    size(32, unsafe.Sizeof(cloneBuffers{})),
		"io_uring_sync_cancel_reg":  size(64, unsafe.Sizeof(syncCancelReg{})),
		"io_uring_recvmsg_out":      size(16, unsafe.Sizeof(recvMsgOut{})),
		"io_uring_params":           size(120, unsafe.Sizeof(iouring.IOURingParams{})),
		"io_sqring_offsets":         size(40, unsafe.Sizeof(iouring.SubmissionQueueRingOffset{})),
		"io_cqring_offsets":         size(40, unsafe.Sizeof(iouring.CompletionQueueRingOffset{})),
		"io_uring_file_index_range": size(16, unsafe.Sizeof(fileIndexRange{})),
		"io_uring_query_hdr":        size(40, unsafe.Sizeof(queryHdr{})),
		"io_uring_query_opcode":     size(48, unsafe.Sizeof(queryOpcode{})),
	}
}

func TestStructSizes(t *testing.T) {
	for name, v := range structSizes() {
		require.Equal(t, v.want, v.got, name)
	}
}

func fieldOffsets() map[string]measured {
	var s SQE
	var c CQE
	var g geteventsArg
	var b ringBuf
	var r bufReg
	var q queryHdr
	var o queryOpcode
	var x syncCancelReg
	var u rsrcUpdate2
	var f fileIndexRange
	var n Restriction
	var pr Probe
	var po probeOp
	var cl cloneBuffers
	var m recvMsgOut
	var st bufStatus
	var rr rsrcRegister
	return map[string]measured{
		"io_uring_sqe.opcode":                    size(0, unsafe.Offsetof(s.Opcode)),
		"io_uring_sqe.flags":                     size(1, unsafe.Offsetof(s.Flags)),
		"io_uring_sqe.ioprio":                    size(2, unsafe.Offsetof(s.Ioprio)),
		"io_uring_sqe.fd":                        size(4, unsafe.Offsetof(s.FD)),
		"io_uring_sqe.off":                       size(8, unsafe.Offsetof(s.Off)),
		"io_uring_sqe.addr":                      size(16, unsafe.Offsetof(s.Addr)),
		"io_uring_sqe.len":                       size(24, unsafe.Offsetof(s.Len)),
		"io_uring_sqe.rw_flags":                  size(28, unsafe.Offsetof(s.OpFlags)),
		"io_uring_sqe.user_data":                 size(32, unsafe.Offsetof(s.UserData)),
		"io_uring_sqe.buf_index":                 size(40, unsafe.Offsetof(s.BufIG)),
		"io_uring_sqe.personality":               size(42, unsafe.Offsetof(s.Personality)),
		"io_uring_sqe.file_index":                size(44, unsafe.Offsetof(s.FileIndex)),
		"io_uring_sqe.addr3":                     size(48, unsafe.Offsetof(s.Addr3)),
		"io_uring_cqe.user_data":                 size(0, unsafe.Offsetof(c.UserData)),
		"io_uring_cqe.res":                       size(8, unsafe.Offsetof(c.Res)),
		"io_uring_cqe.flags":                     size(12, unsafe.Offsetof(c.Flags)),
		"io_uring_getevents_arg.min_wait_usec":   size(12, unsafe.Offsetof(g.minWaitUsec)),
		"io_uring_getevents_arg.ts":              size(16, unsafe.Offsetof(g.ts)),
		"io_uring_buf.len":                       size(8, unsafe.Offsetof(b.len)),
		"io_uring_buf.bid":                       size(12, unsafe.Offsetof(b.bid)),
		"io_uring_buf_ring.tail":                 size(14, unsafe.Offsetof(b.resv)),
		"io_uring_buf_reg.ring_entries":          size(8, unsafe.Offsetof(r.ringEntries)),
		"io_uring_buf_reg.bgid":                  size(12, unsafe.Offsetof(r.bgid)),
		"io_uring_buf_reg.flags":                 size(14, unsafe.Offsetof(r.flags)),
		"io_uring_query_hdr.query_op":            size(16, unsafe.Offsetof(q.queryOp)),
		"io_uring_query_hdr.result":              size(24, unsafe.Offsetof(q.result)),
		"io_uring_query_opcode.feature_flags":    size(8, unsafe.Offsetof(o.featureFlags)),
		"io_uring_query_opcode.nr_query_opcodes": size(40, unsafe.Offsetof(o.nrQueryOpcodes)),
		"io_uring_sync_cancel_reg.timeout":       size(16, unsafe.Offsetof(x.timeout)),
		"io_uring_sync_cancel_reg.opcode":        size(32, unsafe.Offsetof(x.opcode)),
		"io_uring_rsrc_update2.nr":               size(24, unsafe.Offsetof(u.nr)),
		"io_uring_file_index_range.off":          size(0, unsafe.Offsetof(f.off)),
		"io_uring_file_index_range.len":          size(4, unsafe.Offsetof(f.len)),
		"io_uring_restriction.opcode":            size(0, unsafe.Offsetof(n.opcode)),
		"io_uring_restriction.register_op":       size(2, unsafe.Offsetof(n.arg)),
		"io_uring_probe.last_op":                 size(0, unsafe.Offsetof(pr.lastOp)),
		"io_uring_probe.ops":                     size(16, unsafe.Offsetof(pr.ops)),
		"io_uring_probe_op.flags":                size(2, unsafe.Offsetof(po.flags)),
		"io_uring_clone_buffers.src_off":         size(8, unsafe.Offsetof(cl.srcOff)),
		"io_uring_clone_buffers.nr":              size(16, unsafe.Offsetof(cl.nr)),
		"io_uring_recvmsg_out.controllen":        size(4, unsafe.Offsetof(m.controlLen)),
		"io_uring_recvmsg_out.payloadlen":        size(8, unsafe.Offsetof(m.payloadLen)),
		"io_uring_recvmsg_out.flags":             size(12, unsafe.Offsetof(m.flags)),
		"io_uring_buf_status.head":               size(4, unsafe.Offsetof(st.head)),
		"io_uring_rsrc_register.data":            size(16, unsafe.Offsetof(rr.data)),
		"io_uring_rsrc_register.tags":            size(24, unsafe.Offsetof(rr.tags)),
		"io_uring_rsrc_update2.tags":             size(16, unsafe.Offsetof(u.tags)),
		"io_uring_sync_cancel_reg.fd":            size(8, unsafe.Offsetof(x.fd)),
	}
}

// setupOffsets are those of what io_uring_setup fills in, as the library beneath has it.
func setupOffsets() map[string]measured {
	var p iouring.IOURingParams
	var sq iouring.SubmissionQueueRingOffset
	var cq iouring.CompletionQueueRingOffset
	return map[string]measured{
		"io_uring_params.flags":       size(8, unsafe.Offsetof(p.Flags)),
		"io_uring_params.features":    size(20, unsafe.Offsetof(p.Features)),
		"io_uring_params.wq_fd":       size(24, unsafe.Offsetof(p.WQFd)),
		"io_uring_params.sq_off":      size(40, unsafe.Offsetof(p.SQOffset)),
		"io_uring_params.cq_off":      size(80, unsafe.Offsetof(p.CQOffset)),
		"io_sqring_offsets.tail":      size(4, unsafe.Offsetof(sq.Tail)),
		"io_sqring_offsets.ring_mask": size(8, unsafe.Offsetof(sq.RingMask)),
		"io_sqring_offsets.flags":     size(16, unsafe.Offsetof(sq.Flags)),
		"io_sqring_offsets.dropped":   size(20, unsafe.Offsetof(sq.Dropped)),
		"io_sqring_offsets.array":     size(24, unsafe.Offsetof(sq.Array)),
		"io_cqring_offsets.tail":      size(4, unsafe.Offsetof(cq.Tail)),
		"io_cqring_offsets.ring_mask": size(8, unsafe.Offsetof(cq.RingMask)),
		"io_cqring_offsets.overflow":  size(16, unsafe.Offsetof(cq.Overflow)),
		"io_cqring_offsets.cqes":      size(20, unsafe.Offsetof(cq.Cqes)),
		"io_cqring_offsets.flags":     size(24, unsafe.Offsetof(cq.Flags)),
	}
}

func TestFieldOffsets(t *testing.T) {
	for _, table := range []map[string]measured{fieldOffsets(), setupOffsets()} {
		for name, v := range table {
			require.Equal(t, v.want, v.got, name)
		}
	}
}

// constants are both ends and the odd ones of each iota list; a slip in between would move the end.
func constants() map[string]measured {
	return map[string]measured{
		"IORING_OP_READV":                       {1, uint64(OpReadv)},
		"IORING_OP_ACCEPT":                      {13, uint64(OpAccept)},
		"IORING_OP_SEND":                        {26, uint64(OpSend)},
		"IORING_OP_RECV":                        {27, uint64(OpRecv)},
		"IORING_OP_MSG_RING":                    {40, uint64(OpMsgRing)},
		"IORING_OP_SEND_ZC":                     {47, uint64(OpSendZC)},
		"IORING_OP_PIPE":                        {62, uint64(OpPipe)},
		"IORING_SETUP_IOPOLL":                   {1 << 0, uint64(SetupIOPoll)},
		"IORING_SETUP_CQSIZE":                   {1 << 3, uint64(SetupCQSize)},
		"IORING_SETUP_SUBMIT_ALL":               {1 << 7, uint64(SetupSubmitAll)},
		"IORING_SETUP_SINGLE_ISSUER":            {1 << 12, uint64(SetupSingleIssuer)},
		"IORING_SETUP_DEFER_TASKRUN":            {1 << 13, uint64(SetupDeferTaskrun)},
		"IORING_SETUP_NO_SQARRAY":               {1 << 16, uint64(SetupNoSQArray)},
		"IORING_SETUP_CQE_MIXED":                {1 << 18, uint64(SetupCQEMixed)},
		"IORING_FEAT_EXT_ARG":                   {1 << 8, uint64(FeatExtArg)},
		"IORING_FEAT_RECVSEND_BUNDLE":           {1 << 14, uint64(FeatRecvSendBundle)},
		"IORING_FEAT_NO_IOWAIT":                 {1 << 17, uint64(FeatNoIOWait)},
		"IORING_ENTER_GETEVENTS":                {1 << 0, uint64(EnterGetEvents)},
		"IORING_ENTER_EXT_ARG":                  {1 << 3, uint64(EnterExtArg)},
		"IORING_ENTER_REGISTERED_RING":          {1 << 4, uint64(EnterRegisteredRing)},
		"IORING_ENTER_NO_IOWAIT":                {1 << 7, uint64(EnterNoIOWait)},
		"IOSQE_FIXED_FILE":                      {1 << 0, uint64(SQEFixedFile)},
		"IOSQE_BUFFER_SELECT":                   {1 << 5, uint64(SQEBufferSelect)},
		"IOSQE_CQE_SKIP_SUCCESS":                {1 << 6, uint64(SQECQESkipSuccess)},
		"IORING_CQE_F_MORE":                     {1 << 1, uint64(CQEMore)},
		"IORING_CQE_F_NOTIF":                    {1 << 3, uint64(CQENotif)},
		"IORING_CQE_F_SKIP":                     {1 << 5, uint64(CQESkip)},
		"IORING_CQE_F_32":                       {1 << 15, uint64(CQE32)},
		"IORING_SQ_TASKRUN":                     {1 << 2, uint64(sqTaskrun)},
		"IORING_RECVSEND_FIXED_BUF":             {1 << 2, uint64(RecvSendFixedBuf)},
		"IORING_SEND_VECTORIZED":                {1 << 5, uint64(SendVectorized)},
		"IORING_ACCEPT_POLL_FIRST":              {1 << 2, uint64(AcceptPollFirst)},
		"IORING_TIMEOUT_MULTISHOT":              {1 << 6, uint64(TimeoutMultishot)},
		"IORING_ASYNC_CANCEL_OP":                {1 << 5, uint64(CancelOp)},
		"IORING_POLL_ADD_LEVEL":                 {1 << 3, uint64(PollAddLevel)},
		"IORING_MSG_RING_FLAGS_PASS":            {1 << 1, uint64(MsgRingFlagsPass)},
		"SPLICE_F_FD_IN_FIXED":                  {1 << 31, uint64(SpliceFDInFixed)},
		"IOU_PBUF_RING_INC":                     {2, uint64(PBufRingInc)},
		"IORING_NOTIF_USAGE_ZC_COPIED":          {1 << 31, uint64(NotifZCCopied)},
		"IORING_REGISTER_PROBE":                 {8, uint64(RegisterProbe)},
		"IORING_REGISTER_ENABLE_RINGS":          {12, uint64(RegisterEnableRings)},
		"IORING_REGISTER_IOWQ_MAX_WORKERS":      {19, uint64(RegisterIOWQMaxWorkers)},
		"IORING_REGISTER_PBUF_RING":             {22, uint64(RegisterPBufRing)},
		"IORING_REGISTER_SEND_MSG_RING":         {31, uint64(RegisterSendMsgRing)},
		"IORING_REGISTER_RESIZE_RINGS":          {33, uint64(RegisterResizeRings)},
		"IORING_REGISTER_QUERY":                 {35, uint64(RegisterQuery)},
		"IORING_RESTRICTION_SQE_FLAGS_REQUIRED": {3, uint64(restrictSQEFlagsRequired)},
	}
}

func TestConstants(t *testing.T) {
	for name, v := range constants() {
		require.Equal(t, v.want, v.got, name)
	}
}
