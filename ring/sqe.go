package ring

// SQE is a submission queue entry (struct io_uring_sqe, 64 bytes) in the ring's own memory.
//
// The kernel overlays several meanings on most fields; the comment lists the uapi names of each. A pointer
// got from GetSQE is valid until the next enter call of the ring.
type SQE struct {
	Opcode      Op       // opcode
	Flags       SQEFlags // flags
	Ioprio      uint16   // ioprio: I/O priority, or the flags of accept, send and receive
	FD          int32    // fd: descriptor, or a slot of the registered files with SQEFixedFile
	Off         uint64   // off, addr2, cmd_op
	Addr        uint64   // addr, splice_off_in
	Len         uint32   // len: bytes, or number of iovecs
	OpFlags     uint32   // rw_flags, msg_flags, poll32_events, timeout_flags, cancel_flags, ...
	UserData    uint64   // user_data: comes back in every completion of this entry
	BufIG       uint16   // buf_index, buf_group
	Personality uint16   // personality
	FileIndex   uint32   // file_index, splice_fd_in, addr_len, optlen
	Addr3       uint64   // addr3, optval
	pad2        uint64
}

// SQEFlags are the flags that every kind of entry takes (sqe->flags).
type SQEFlags uint8

// Entry flags; the comment gives the uapi name and the first kernel.
const (
	SQEFixedFile      SQEFlags = 1 << iota // IOSQE_FIXED_FILE, 5.1
	SQEIODrain                             // IOSQE_IO_DRAIN, 5.2
	SQEIOLink                              // IOSQE_IO_LINK, 5.3
	SQEIOHardlink                          // IOSQE_IO_HARDLINK, 5.5
	SQEAsync                               // IOSQE_ASYNC, 5.6
	SQEBufferSelect                        // IOSQE_BUFFER_SELECT, 5.7
	SQECQESkipSuccess                      // IOSQE_CQE_SKIP_SUCCESS, 5.17
)

var sqeNames = flagNames{
	"FIXED_FILE", "IO_DRAIN", "IO_LINK", "IO_HARDLINK", "ASYNC", "BUFFER_SELECT", "CQE_SKIP_SUCCESS",
}

// String names the set flags as the kernel does, without IOSQE_: "IO_LINK|ASYNC".
func (f SQEFlags) String() string { return sqeNames.join(uint64(f)) }

// FileIndexAlloc as a direct slot asks the kernel to choose a free one (IORING_FILE_INDEX_ALLOC, 5.19).
const FileIndexAlloc = ^uint32(0)

// prep is the common part of every Prep method: it sets the fields that most operations use, and clears
// those that only some do. Flags and UserData stay as they are.
func (s *SQE) prep(op Op, fd int, addr uint64, length uint32, off uint64) {
	s.Opcode = op
	s.Ioprio = 0
	s.FD = int32(fd)
	s.Off = off
	s.Addr = addr
	s.Len = length
	s.OpFlags = 0
	s.BufIG = 0
	s.Personality = 0
	s.FileIndex = 0
	s.Addr3, s.pad2 = 0, 0
}

// setDirect stores a slot of the registered files. The kernel counts from one: zero is a normal descriptor.
func (s *SQE) setDirect(slot uint32) {
	if slot != FileIndexAlloc {
		slot++
	}
	s.FileIndex = slot
}
