package fiber

import "time"

// SetDeadline sets both deadlines. A deadline is for every call that waits from
// now on; the zero time means none.
func (c *Conn) SetDeadline(t time.Time) error {
	c.readDeadline, c.writeDeadline = t, t
	return c.open("set")
}

// SetReadDeadline sets the deadline of reading.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.readDeadline = t
	return c.open("set")
}

// SetWriteDeadline sets the deadline of waiting for room to write, and of waiting
// until the kernel has taken what was written: that ends the connection.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.writeDeadline = t
	return c.open("set")
}

func (c *Conn) open(op string) error {
	if c.closed || c.rc.Closing() {
		return c.endError(op)
	}
	return nil
}

// expired reports whether a deadline has passed.
func (c *Conn) expired(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }

// arm makes sure that the fiber is woken at t. The timer is moved only to an
// earlier time: deadlines that move on with every request cost nothing.
func (c *Conn) arm(t time.Time) {
	switch {
	case t.IsZero():
		return
	case c.timer == nil:
		c.timer = c.fb.loop.AfterFunc(time.Until(t), c.ring)
	case c.armed.IsZero() || t.Before(c.armed):
		c.timer.Reset(time.Until(t))
	default:
		return
	}
	c.armed = t
}

// ring runs when the timer fires: whoever waits on the connection looks at its
// deadline and arms the timer again.
func (c *Conn) ring() {
	c.armed = time.Time{}
	if w := c.fb.waiting; w.conn == c {
		c.fb.wake(w)
	}
}
