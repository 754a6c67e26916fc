package ring

import "strconv"

// CQE is a completion queue entry (struct io_uring_cqe), copied out of the ring.
type CQE struct {
	UserData uint64   // what the SQE carried
	Res      int32    // result, or a negated errno
	Flags    CQEFlags // what kind of completion this is
}

// CQEFlags are the flags of a completion; the upper 16 bits hold the buffer ID when CQEBuffer is set.
type CQEFlags uint32

// Completion flags; the comment gives the uapi name and the first kernel.
const (
	CQEBuffer       CQEFlags = 1 << iota // IORING_CQE_F_BUFFER, 5.7
	CQEMore                              // IORING_CQE_F_MORE, 5.13
	CQESockNonempty                      // IORING_CQE_F_SOCK_NONEMPTY, 5.19
	CQENotif                             // IORING_CQE_F_NOTIF, 6.0
	CQEBufMore                           // IORING_CQE_F_BUF_MORE, 6.12
	CQESkip                              // IORING_CQE_F_SKIP, 6.18
	CQE32           CQEFlags = 1 << 15   // IORING_CQE_F_32, 6.18

	cqeBufferShift = 16 // IORING_CQE_BUFFER_SHIFT
)

var cqeNames = flagNames{
	"BUFFER", "MORE", "SOCK_NONEMPTY", "NOTIF", "BUF_MORE", "SKIP", 15: "32",
}

// String names the low 16 bits as the kernel does, without IORING_CQE_F_; a buffer ID follows as "BUFFER=7".
func (f CQEFlags) String() string {
	if f&CQEBuffer == 0 {
		return cqeNames.join(uint64(f))
	}
	s := "BUFFER=" + strconv.Itoa(int(f>>cqeBufferShift))
	if rest := f & 0xffff &^ CQEBuffer; rest != 0 {
		s += "|" + cqeNames.join(uint64(rest))
	}
	return s
}

// NotifZCCopied in the result of a notification says that the kernel copied the data after all
// (IORING_NOTIF_USAGE_ZC_COPIED, 6.2; asked for with SendZCReportUsage). It is the sign bit of Res.
const NotifZCCopied = uint32(1) << 31

// More reports whether the request will complete again. Without it this completion is the final one, and
// the memory of the request is the caller's again; success or error does not matter.
func (c CQE) More() bool { return c.Flags&CQEMore != 0 }

// HasBuffer reports whether a provided buffer was used, so that BufferID is valid.
func (c CQE) HasBuffer() bool { return c.Flags&CQEBuffer != 0 }

// BufferID returns the ID of the provided buffer, the first one for a bundle. Valid when HasBuffer.
func (c CQE) BufferID() uint16 { return uint16(c.Flags >> cqeBufferShift) }

// BufMore reports that the kernel keeps the incremental buffer and will go on filling it (PBufRingInc, 6.12).
func (c CQE) BufMore() bool { return c.Flags&CQEBufMore != 0 }

// Notif reports a zero-copy notification: the data of the send is the caller's again.
func (c CQE) Notif() bool { return c.Flags&CQENotif != 0 }

// SockNonempty reports that the socket held more data, or connections, when this completion was made.
func (c CQE) SockNonempty() bool { return c.Flags&CQESockNonempty != 0 }
