package ring

// QueryOpcodes is what the kernel knows of io_uring (struct io_uring_query_opcode, 6.18). What the process
// may use of it only a real ring tells.
type QueryOpcodes struct {
	RequestOpcodes  uint32     // number of opcodes: Op(0) and on
	RegisterOpcodes uint32     // number of register opcodes
	Features        Features   // all feature bits
	SetupFlags      SetupFlags // all setup flags
	EnterFlags      EnterFlags // all enter flags
	SQEFlags        SQEFlags   // all entry flags
	QueryOpcodes    uint32     // number of query opcodes
}
