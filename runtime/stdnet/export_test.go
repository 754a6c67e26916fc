package stdnet

import "net"

// Roam moves connections whenever they can be moved.
const Roam = roam

// BulkRest is how long a connection that carried much stays away from its loop.
const BulkRest = bulkRest

// Inbox tells how many datagrams wait for a reader, and for how many there is room.
func (c *UDPConn) Inbox() (unread, room int) {
	r := c.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.inbox) - r.first, cap(r.inbox)
}

// Heat makes the loop of an accepted connection hot, and keeps the next Read from making
// it cold.
func Heat(c net.Conn) {
	h := &c.(*TCPConn).origin.home.heat
	h.rolling.Lock()
	defer h.rolling.Unlock()
	h.hot.Store(true)
	h.below = 0
}
