package stdnet

// Roam moves connections whenever they can be moved.
const Roam = roam

// Inbox tells how many datagrams wait for a reader, and for how many there is room.
func (c *UDPConn) Inbox() (unread, room int) {
	r := c.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.inbox) - r.first, cap(r.inbox)
}
