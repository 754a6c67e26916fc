package runtime

// Hint says what a connection is for, where its program knows. It chooses a row of
// the size policy, see [Sizes].
type Hint uint8

// The hints.
const (
	// Balanced is for connections of which nothing is known: Config.Sizes as is.
	Balanced Hint = iota
	// Interactive is for short messages whose latency matters: nothing is collected,
	// and nothing is begun that pays only with large amounts.
	Interactive
	// Bulk is for large amounts whose cost matters more than their latency: chunks,
	// pieces of files and writes to files are larger.
	Bulk

	hintCount
)

var hintNames = [hintCount]string{"balanced", "interactive", "bulk"}

// String returns the hint's name, in lower case.
func (h Hint) String() string {
	if h < hintCount {
		return hintNames[h]
	}
	return "unknown"
}

// SetHint tells what the connection is for from now on. Unknown hints are Balanced.
func (c *Conn) SetHint(h Hint) {
	c.loop.mustRun("Conn.SetHint")
	m := c.extra()
	m.sizes = nil
	if h != Balanced && h < hintCount {
		m.sizes = &c.loop.rt.sizes[h]
	}
}

// Expect is a hint that n more bytes will be queued by Write, in pieces: they are
// given chunks that hold many of them, and count as large from the first if n is.
// It replaces what was expected before; zero takes it back.
func (c *Conn) Expect(n int64) {
	c.loop.mustRun("Conn.Expect")
	c.extra().expect = max(n, 0)
}

// sizes is the connection's row of the size policy.
func (c *Conn) sizes() *Sizes {
	if c.more != nil && c.more.sizes != nil {
		return c.more.sizes
	}
	return &c.loop.rt.cfg.Sizes
}

// Sizes returns the connection's row of the size policy.
func (c *Conn) Sizes() Sizes { return *c.sizes() }

// expected is how much of what Expect announced is still to come.
func (c *Conn) expected() int64 {
	if c.more == nil {
		return 0
	}
	return c.more.expect
}
