package runtime

import "math"

// Sizes is the size policy: which path data takes, by its size and source. Zero
// fields mean the default. docs/buffers.md shows the paths; figures behind Splice and
// the paths of files are in docs/benchmarks.md.
//
// What is no policy stays with what it belongs to: how much an engine moves in one
// operation of a file (1 MiB, portable 64 KiB) or a pipe (512 KiB), the least that it
// sends without a copy (32 KiB), what a burst is to a relay (relay_splice.go), and what
// a fiber's Write copies (64 KiB).
//
// Config.Sizes is the row for connections of which nothing is known; a [Hint] gives
// a connection one that is made of it.
type Sizes struct {
	// Coalesce is the largest piece that is copied, when it arrives, behind what is
	// unread already, so that it does not hold a block of its own. Send gathers what
	// it is given, of any size; Write copies.
	Coalesce int

	// Open is the size of the chunk that Write opens for small pieces: about what
	// one send should carry, and not much more.
	Open int

	// InlineFile is the largest file range that SendFile reads into the send
	// queue, to leave in one send with the header before it. Larger ranges go by
	// sendfile(2) or what the engine has in its place.
	InlineFile int

	// FileWindow bounds how much of a file, or through a pipe, one operation moves.
	// Engines move no more than 1 MiB (portable 64 KiB), so that only smaller values
	// make a difference.
	FileWindow int64

	// FileWrite is how much RecvToFile collects before it writes, while more is to
	// come; at most Config.UnreadLow. A write takes all there is, however much.
	FileWrite int

	// Direct is how much RecvFull must still expect for receiving straight into
	// the caller's memory to pay for leaving the shared buffers.
	Direct int

	// Splice is how much a relay must have received in one direction, some KiB at a
	// time, for the kernel to move the rest from socket to socket through a pipe,
	// where the engine can; negative for never.
	Splice int

	// Bulk is the size from which a send counts as bulk: the engine may leave out
	// the copy into the kernel where it found that to pay.
	Bulk int
}

var defaultSizes = Sizes{
	Coalesce:   4 << 10,
	Open:       16 << 10,
	InlineFile: 16 << 10,
	FileWindow: 1 << 20,
	FileWrite:  64 << 10,
	Direct:     64 << 10,
	Splice:     256 << 10,
	Bulk:       64 << 10,
}

// largestChunk is the size of a pool's largest blocks.
const largestChunk = 64 << 10

func (s *Sizes) populate() {
	set := func(p *int, def int) {
		if *p == 0 {
			*p = def
		}
	}
	set(&s.Coalesce, defaultSizes.Coalesce)
	set(&s.Open, defaultSizes.Open)
	set(&s.InlineFile, defaultSizes.InlineFile)
	set(&s.FileWrite, defaultSizes.FileWrite)
	set(&s.Direct, defaultSizes.Direct)
	set(&s.Splice, defaultSizes.Splice)
	set(&s.Bulk, defaultSizes.Bulk)
	if s.FileWindow == 0 {
		s.FileWindow = defaultSizes.FileWindow
	}
}

// rows are the policies of the hints.
func (s *Sizes) rows() [hintCount]Sizes {
	interactive, bulk := *s, *s

	interactive.FileWindow = min(s.FileWindow, 128<<10) // others have their turn sooner
	interactive.FileWrite = 1
	interactive.Direct = math.MaxInt // stopping the shared receive is a round trip
	interactive.Splice = -1
	interactive.Bulk = math.MaxInt // a zero-copy send ends with the peer's answer

	bulk.Open = max(s.Open, largestChunk)
	bulk.FileWrite = max(s.FileWrite, 256<<10)
	bulk.Direct = min(s.Direct, 16<<10)
	bulk.Splice = min(s.Splice, 64<<10)
	bulk.Bulk = min(s.Bulk, 32<<10)

	return [hintCount]Sizes{Balanced: *s, Interactive: interactive, Bulk: bulk}
}
