package buffers

import (
	"fmt"
	"math/bits"
	"os"
	"slices"
)

const (
	defaultSegmentSize = 1 << 20
	hugePageSize       = 2 << 20
	minBlockSize       = 64
	maxBlockSize       = 1 << 30
	maxClasses         = 16
)

// Config describes a pool. The zero value, and a nil *Config, give the
// defaults. NewPool copies what it needs; the caller may reuse the struct.
type Config struct {
	// BlockSizes are the size classes in bytes: ascending powers of two from
	// 64 to 1 GiB, at most 16. Default 2 KiB, 16 KiB, 64 KiB.
	BlockSizes []int

	// SegmentSize is how many bytes are mapped at a time, rounded up to whole
	// blocks and pages. A segment holds blocks of one class. Default 1 MiB.
	SegmentSize int

	// Budget bounds what this pool and others sharing it map together.
	// Nil means unbounded.
	Budget *Budget

	// HugePages asks for transparent huge pages (Linux, MADV_HUGEPAGE):
	// segments are then aligned to and rounded up to 2 MiB. Advice only; a
	// system that has none maps ordinary pages.
	HugePages bool

	// Zero wipes every block when its last view is released, for programs
	// that must not keep their peers' bytes in memory.
	Zero bool
}

// Clone returns a deep copy that shares only the Budget. Nil stays nil.
func (c *Config) Clone() *Config {
	if c == nil {
		return nil
	}
	d := *c
	d.BlockSizes = slices.Clone(c.BlockSizes)
	return &d
}

func (c *Config) populate() Config {
	var d Config
	if c != nil {
		d = *c.Clone()
	}
	if len(d.BlockSizes) == 0 {
		d.BlockSizes = []int{2 << 10, 16 << 10, 64 << 10}
	}
	if d.SegmentSize == 0 {
		d.SegmentSize = defaultSegmentSize
	}
	return d
}

// validate expects a populated config.
func (c *Config) validate() error {
	if len(c.BlockSizes) > maxClasses {
		return fmt.Errorf("buffers: %d block sizes, at most %d", len(c.BlockSizes), maxClasses)
	}
	for i, size := range c.BlockSizes {
		switch {
		case size < minBlockSize || size > maxBlockSize || bits.OnesCount(uint(size)) != 1:
			return fmt.Errorf("buffers: block size %d is not a power of two from %d to %d",
				size, minBlockSize, maxBlockSize)
		case i > 0 && size <= c.BlockSizes[i-1]:
			return fmt.Errorf("buffers: block sizes %v do not ascend", c.BlockSizes)
		}
	}
	if c.SegmentSize < 0 || c.SegmentSize > maxBlockSize {
		return fmt.Errorf("buffers: segment size %d is not from 1 to %d", c.SegmentSize, maxBlockSize)
	}
	return nil
}

// segmentSize returns the bytes to map at a time for blocks of blockSize, and
// the unit below which mapping makes no sense: a whole block on whole pages.
func (c *Config) segmentSize(blockSize int) (size, unit int) {
	unit = max(blockSize, os.Getpagesize())
	size = roundUp(c.SegmentSize, unit)
	if c.HugePages {
		size = roundUp(size, hugePageSize)
	}
	return size, unit
}

// roundUp rounds n up to a multiple of the power of two unit.
func roundUp(n, unit int) int { return (n + unit - 1) &^ (unit - 1) }
