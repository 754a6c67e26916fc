//go:build linux

package ring

import "unsafe"

// Restriction allows one thing on a restricted ring (struct io_uring_restriction).
type Restriction struct {
	opcode uint16
	arg    uint8
	_      uint8
	_      [3]uint32
}

// The kinds of restriction: IORING_RESTRICTION_REGISTER_OP and the three after it.
const (
	restrictRegisterOp uint16 = iota
	restrictSQEOp
	restrictSQEFlagsAllowed
	restrictSQEFlagsRequired
)

// AllowRegisterOp allows a register call.
func AllowRegisterOp(op RegisterOp) Restriction {
	return Restriction{opcode: restrictRegisterOp, arg: uint8(op)}
}

// AllowOp allows entries with this opcode.
func AllowOp(op Op) Restriction {
	return Restriction{opcode: restrictSQEOp, arg: uint8(op)}
}

// AllowSQEFlags allows entries to carry these flags.
func AllowSQEFlags(f SQEFlags) Restriction {
	return Restriction{opcode: restrictSQEFlagsAllowed, arg: uint8(f)}
}

// RequireSQEFlags demands that every entry carries these flags.
func RequireSQEFlags(f SQEFlags) Restriction {
	return Restriction{opcode: restrictSQEFlagsRequired, arg: uint8(f)}
}

// RegisterRestrictions limits a ring made with SetupRDisabled to what is allowed here, from Enable on
// (io_uring_register_restrictions, 5.10). Anything else then fails with EACCES. EBADFD: the ring is enabled;
// EBUSY: it is restricted already.
//
// It guards one ring of a cooperating program. It is no sandbox: the process can make another ring.
func (r *Ring) RegisterRestrictions(allowed ...Restriction) error {
	data := unsafe.Pointer(unsafe.SliceData(allowed))
	return r.register(RegisterRestrictions, data, uint32(len(allowed)))
}
