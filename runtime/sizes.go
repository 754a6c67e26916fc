package runtime

// Sizes is the size policy: which path data takes, by its size and source. Zero
// fields mean the default. The figures behind the defaults are in
// docs/benchmarks.md.
type Sizes struct {
	// Coalesce is the largest piece that Write copies behind what is waiting
	// already. Larger pieces of pooled memory are gathered, not copied.
	Coalesce int

	// Open is the size of the chunk that Write opens for small pieces: about what
	// one send should carry, and not much more.
	Open int

	// InlineFile is the largest file range that SendFile reads into the send
	// queue, to leave in one send with the header before it. Larger ranges go by
	// sendfile(2) or what the engine has in its place.
	InlineFile int

	// FileWindow bounds how much of a file one operation sends.
	FileWindow int64

	// Direct is how much RecvFull must still expect for receiving straight into
	// the caller's memory to pay for leaving the shared buffers.
	Direct int

	// Bulk is the size from which a send counts as bulk: the engine may leave out
	// the copy into the kernel where it found that to pay.
	Bulk int
}

var defaultSizes = Sizes{
	Coalesce:   4 << 10,
	Open:       16 << 10,
	InlineFile: 16 << 10,
	FileWindow: 1 << 20,
	Direct:     64 << 10,
	Bulk:       64 << 10,
}

func (s *Sizes) populate() {
	set := func(p *int, def int) {
		if *p == 0 {
			*p = def
		}
	}
	set(&s.Coalesce, defaultSizes.Coalesce)
	set(&s.Open, defaultSizes.Open)
	set(&s.InlineFile, defaultSizes.InlineFile)
	set(&s.Direct, defaultSizes.Direct)
	set(&s.Bulk, defaultSizes.Bulk)
	if s.FileWindow == 0 {
		s.FileWindow = defaultSizes.FileWindow
	}
}
