package tlsfiber

import "time"

const (
	// longStep is how long a handshake may keep the loop at a time.
	longStep = 5 * time.Millisecond
	// offLoopFor is how long handshakes stay off the loops after a longer one. Then
	// one tries again: it may have been the machine that was slow, not the key.
	offLoopFor = time.Minute
)

// stopwatch measures the steps of a handshake on the loop: what it computes between
// two records.
type stopwatch struct {
	since   time.Time
	longest time.Duration
}

func (w *stopwatch) start() { w.since = time.Now() }

func (w *stopwatch) stop() { w.longest = max(w.longest, time.Since(w.since)) }

// mayOnLoop reports whether the loops are spared handshakes at present.
func (s *shared) mayOnLoop() bool {
	until := s.offUntil.Load()
	return until == 0 || time.Since(s.began) >= time.Duration(until)
}

// handshakeOnLoop runs the handshake on the loop, and takes note if that was no good
// idea.
func (c *Conn) handshakeOnLoop() error {
	w := &stopwatch{}
	c.t.watch = w
	w.start()
	err := c.tls.Handshake()
	w.stop()
	c.t.watch = nil
	if s := c.shared; w.longest > longStep && s.mayOnLoop() {
		s.offUntil.Store(int64(time.Since(s.began) + offLoopFor))
		s.log.Warn("a TLS handshake held its loop: they run off the loops for a while",
			"loop", c.Loop().Index(), "held", w.longest, "while", offLoopFor)
	}
	return err
}
