package stdnet

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
