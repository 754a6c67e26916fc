//go:build linux

package ring

import (
	"os"
	goruntime "runtime"
	"syscall"
	"unsafe"
)

// queryHdr is struct io_uring_query_hdr.
type queryHdr struct {
	nextEntry uint64
	queryData uint64
	queryOp   uint32
	size      uint32
	result    int32
	_         [3]uint32
}

// queryOpcode is struct io_uring_query_opcode.
type queryOpcode struct {
	nrRequestOpcodes  uint32
	nrRegisterOpcodes uint32
	featureFlags      uint64
	ringSetupFlags    uint64
	enterFlags        uint64
	sqeFlags          uint64
	nrQueryOpcodes    uint32
	_                 uint32
}

// queryOpcodes is IO_URING_QUERY_OPCODES.
const queryOpcodes = 0

// Query asks the kernel what it knows of io_uring, without a ring (IORING_REGISTER_QUERY, 6.18). It is safe
// for concurrent use. Older kernels answer EINVAL; some that know less fill in less and leave zeros.
func Query() (QueryOpcodes, error) {
	data := new(queryOpcode)
	hdr := queryHdr{
		queryData: address(unsafe.Pointer(data)),
		queryOp:   queryOpcodes,
		size:      uint32(unsafe.Sizeof(*data)),
	}
	err := registerBlind(RegisterQuery, unsafe.Pointer(&hdr), 0)
	goruntime.KeepAlive(data)
	if err != nil {
		return QueryOpcodes{}, err
	}
	if hdr.result < 0 {
		return QueryOpcodes{}, os.NewSyscallError("io_uring_register", syscall.Errno(-hdr.result))
	}
	return QueryOpcodes{
		RequestOpcodes:  data.nrRequestOpcodes,
		RegisterOpcodes: data.nrRegisterOpcodes,
		Features:        Features(data.featureFlags),
		SetupFlags:      SetupFlags(data.ringSetupFlags),
		EnterFlags:      EnterFlags(data.enterFlags),
		SQEFlags:        SQEFlags(data.sqeFlags),
		QueryOpcodes:    data.nrQueryOpcodes,
	}, nil
}
