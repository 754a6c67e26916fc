package fiber

import (
	"net"
	"time"

	"github.com/headrace/headrace/runtime"
)

// park suspends the fiber until something happens on the socket, or the deadline.
func (c *PacketConn) park(what waitFor, deadline time.Time) {
	if !deadline.IsZero() {
		if c.timer == nil {
			c.timer = c.fb.loop.AfterFunc(time.Until(deadline), c.ring)
		} else {
			c.timer.Reset(time.Until(deadline))
		}
	}
	c.waiting = what
	c.fb.park(waiter{c, what})
	c.waiting = forNothing
	if c.timer != nil {
		c.timer.Stop()
	}
}

func (c *PacketConn) wake(what waitFor) { c.fb.wake(waiter{c, what}) }

// ring is for the deadline: who waits looks again.
func (c *PacketConn) ring() { c.wake(c.waiting) }

// Open starts the fiber, or wakes the one that dialed. It is not for programs, nor
// are the other methods of runtime.PacketHandler.
func (c *PacketConn) Open(*runtime.PacketConn) { c.opened() }

// Datagram takes in what was received, and wakes the fiber if it waits for it.
func (c *PacketConn) Datagram(_ *runtime.PacketConn, d *runtime.Datagram) {
	if c.pc.Closing() {
		return
	}
	r := received{from: d.From, cut: d.Truncated, info: d.Info()}
	r.data = d.Take()
	c.inbox = append(c.inbox, r)
	if len(c.inbox)-c.first >= maxUnread {
		c.pc.Pause()
	}
	c.wake(forData)
}

// Failed keeps what the network reported for the next call that reads.
func (c *PacketConn) Failed(_ *runtime.PacketConn, to runtime.PacketAddr, err error) {
	if to.IsZero() {
		c.failed = err
		c.wake(forData)
	}
}

// Drained wakes the fiber if it waits to send.
func (c *PacketConn) Drained(*runtime.PacketConn) { c.wake(forDrain) }

// Closed wakes the fiber whatever it waits for: every call from now on fails.
func (c *PacketConn) Closed(_ *runtime.PacketConn, err error) {
	c.closed, c.err = true, err
	c.drop()
	c.wake(c.waiting)
}

var (
	_ net.PacketConn             = (*PacketConn)(nil)
	_ net.Conn                   = (*PacketConn)(nil)
	_ runtime.PacketOpenHandler  = (*PacketConn)(nil)
	_ runtime.PacketErrorHandler = (*PacketConn)(nil)
	_ runtime.PacketDrainHandler = (*PacketConn)(nil)
)
