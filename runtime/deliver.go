package runtime

// later is a callback of a connection, or of none.
type later struct {
	c *Conn
	f func()
}

// later runs f with the other callbacks of the turn: completions, inside Poll,
// must not run what a program gave.
func (l *Loop) later(c *Conn, f func()) { l.laters = append(l.laters, later{c, f}) }

// runLaters runs what was put off.
func (l *Loop) runLaters() {
	for len(l.laters) > 0 && !l.runSomeLaters() {
	}
}

func (l *Loop) runSomeLaters() (all bool) {
	done := 0
	defer func() {
		rest := copy(l.laters, l.laters[done:])
		clear(l.laters[rest:])
		l.laters = l.laters[:rest]
		if !all {
			l.contain("callback", recover())
		}
	}()
	for done < len(l.laters) {
		d := l.laters[done]
		done++
		l.current = d.c
		d.f()
	}
	l.current = nil
	return true
}

// admit asks for handlers of the connections that came.
func (l *Loop) admit() {
	for len(l.newborns) > 0 && !l.admitSome() {
	}
}

func (l *Loop) admitSome() (all bool) {
	done := 0
	defer func() {
		rest := copy(l.newborns, l.newborns[done:])
		clear(l.newborns[rest:])
		l.newborns = l.newborns[:rest]
		if !all {
			l.contain("accept", recover())
		}
	}()
	for _, b := range l.newborns {
		done++
		l.adopt(b)
	}
	return true
}

// deliver runs the callbacks that completions made due.
func (l *Loop) deliver() {
	// What callbacks make ready comes in the next turn: the network has its say
	// in between.
	n := len(l.ready)
	for done := 0; done < n; {
		done = l.deliverSome(done, n)
	}
	rest := copy(l.ready, l.ready[n:])
	clear(l.ready[rest:])
	l.ready = l.ready[:rest]
}

// deliverSome delivers l.ready[from:to], until the end or a panic, and returns how far it came.
// One deferred call serves the whole batch.
func (l *Loop) deliverSome(from, to int) (done int) {
	ok := false
	defer func() {
		if !ok {
			l.contain("callback", recover())
		}
	}()
	for done = from; done < to; {
		c := l.ready[done]
		done++
		l.current = c
		c.deliver()
	}
	l.current = nil
	ok = true
	return done
}

// deliver tells the handler what is new.
func (c *Conn) deliver() {
	c.state &^= stReady
	if c.is(stEnded) {
		if !c.is(stReleased) {
			c.state |= stReleased
			c.ended()
		}
		return
	}
	if c.is(stDetaching) {
		c.detaching()
		if c.is(stEnded) {
			return
		}
	}
	if c.receivingFull() {
		c.more.full.deliver(c)
		if c.receivingFull() && !c.is(stFailed) {
			return // whatever else there is comes after it
		}
	}
	if c.is(stFresh) && !c.is(stPaused|stClosing|stEnding) && !c.in.Empty() {
		c.state &^= stFresh
		c.handler.Data(c, &c.in)
		c.markDirty()
	}
	if c.is(stFull) && !c.is(stClosing|stEnding) && c.drained() {
		c.state &^= stFull
		if h, ok := c.handler.(DrainHandler); ok {
			h.Drained(c)
		}
	}
	if c.is(stFailed) && !c.is(stEnding) {
		c.finish(false)
		return
	}
	const noEOF = stPaused | stEOFTold | stClosing | stEnding
	if c.is(stEOF) && !c.is(noEOF) {
		c.state |= stEOFTold
		if h, ok := c.handler.(EOFHandler); ok {
			h.EOF(c)
		} else {
			c.Close()
		}
	}
}

// flush submits what callbacks queued.
func (l *Loop) flush() {
	// Flushing may mark further connections dirty only through callbacks, which
	// do not run here.
	for i := 0; i < len(l.dirty); i++ {
		c := l.dirty[i]
		l.dirty[i] = nil
		c.flush()
	}
	l.dirty = l.dirty[:0]
}
