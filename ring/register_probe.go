//go:build linux

package ring

import "unsafe"

// opSupported is IO_URING_OP_SUPPORTED.
const opSupported = 1

// Probe is the kernel's list of the opcodes it knows (struct io_uring_probe). It says nothing about flags of
// an opcode, nor whether the process may use it.
type Probe struct {
	lastOp Op
	_      uint8
	_      [14]byte
	ops    [256]probeOp
}

// probeOp is struct io_uring_probe_op.
type probeOp struct {
	op    uint8
	_     uint8
	flags uint16
	_     uint32
}

// RegisterProbe asks which opcodes the kernel knows (io_uring_get_probe_ring, 5.6).
func (r *Ring) RegisterProbe() (*Probe, error) {
	p := new(Probe)
	if err := r.register(RegisterProbe, unsafe.Pointer(p), uint32(len(p.ops))); err != nil {
		return nil, err
	}
	return p, nil
}

// LastOp returns the highest opcode that the kernel has a number for.
func (p *Probe) LastOp() Op { return p.lastOp }

// Supported reports whether the kernel carries out op (io_uring_opcode_supported).
func (p *Probe) Supported(op Op) bool {
	return op <= p.lastOp && p.ops[op].flags&opSupported != 0
}
